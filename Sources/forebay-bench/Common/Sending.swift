import ForebayUV

/// Writes what the socket takes at once and leaves the rest to the loop.
///
/// False if the socket is full: nothing more should be written until it has drained.
func send(
  _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, on stream: StreamHandle
) throws(UVError) -> Bool {
  let total = first.count + second.count
  guard total > 0 else { return stream.bytesToWrite == 0 }
  let vectors = (IOVector(first), IOVector(second))
  return try withUnsafeBytes(of: vectors) { bytes throws(UVError) -> Bool in
    let list = bytes.bindMemory(to: IOVector.self)
    var written = 0
    switch stream.tryWrite(list) {
    case .written(let count): written = count
    case .wouldBlock: break
    case .failed(let error): throw error
    }
    if written == total { return true }
    try stream.write(copying: list, after: written)
    return false
  }
}

extension UnsafeRawBufferPointer {
  static var nothing: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }
}
