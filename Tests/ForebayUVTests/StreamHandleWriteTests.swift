import ForebayUV
import Glibc
import Testing

@Suite struct StreamHandleWriteTests {
  /// More than any socket holds, so that writes come in parts and then block.
  static let many = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 / 5) }

  @Test func writesSeveralVectorsAtOnce() throws {
    try withLoop { loop in
      let pair = try StreamPair(on: loop)
      try pair.far.startReading()
      let result = withVectors(["alpha ", "", "beta ", "gamma"]) { pair.near.tryWrite($0) }
      #expect(result == .written(16))
      try turn(loop, until: { pair.farOwner.bytes.count == 16 })
      #expect(pair.farOwner.text == "alpha beta gamma")
      #expect(
        pair.near.tryWrite(UnsafeBufferPointer<IOVector>(start: nil, count: 0)) == .written(0))
    }
  }

  @Test func carriesOnAfterAPartialWrite() throws {
    try withLoop { loop in
      let pair = try StreamPair(on: loop)
      try pair.near.setSendBufferSize(8_192)
      try pair.far.startReading()
      let vectors = Self.many.withUnsafeBytes { bytes in
        // Uneven pieces, so that the partial write ends inside one.
        stride(from: 0, to: bytes.count, by: 7_001).map {
          IOVector(UnsafeRawBufferPointer(rebasing: bytes[$0..<min($0 + 7_001, bytes.count)]))
        }
      }
      try Self.many.withUnsafeBytes { _ in
        try vectors.withUnsafeBufferPointer { vectors in
          guard case .written(let count) = pair.near.tryWrite(vectors) else {
            Issue.record("nothing was written")
            return
          }
          #expect(count > 0 && count < Self.many.count)
          try pair.near.write(copying: vectors, after: count)
          #expect(pair.near.bytesToWrite > 0)
        }
      }
      // What comes now must not overtake the remainder.
      #expect(write(pair.near, "x") == .wouldBlock)
      #expect(pair.nearOwner.drains == 0)
      try turn(loop, until: { pair.nearOwner.drains == 1 })
      #expect(pair.near.bytesToWrite == 0)
      #expect(write(pair.near, "end") == .written(3))
      try turn(loop, until: { pair.farOwner.bytes.count == Self.many.count + 3 })
      #expect(pair.farOwner.bytes == Self.many + Array("end".utf8))
      #expect(pair.nearOwner.drains == 1)
      #expect(pair.nearOwner.writeErrors.isEmpty)
    }
  }

  @Test func wouldBlockWhenTheSocketIsFull() throws {
    try withLoop { loop in
      let pair = try StreamPair(on: loop)
      var total = 0
      Self.many.withUnsafeBytes { bytes in
        while case .written(let count) = pair.near.tryWrite(bytes) { total += count }
        #expect(pair.near.tryWrite(bytes) == .wouldBlock)
      }
      #expect(total > 0)
      try pair.far.startReading()
      try turn(loop, until: { pair.farOwner.bytes.count == total })
      #expect(write(pair.near, "again") == .written(5))
    }
  }

  @Test func drainsOnceAfterTheLastOfSeveralWrites() throws {
    try withLoop { loop in
      let pair = try StreamPair(on: loop)
      for _ in 0..<3 { try Self.many.withUnsafeBytes { try pair.near.write(copying: $0) } }
      try pair.far.startReading()
      try turn(loop, until: { pair.farOwner.bytes.count == 3 * Self.many.count })
      try turn(loop, until: { pair.nearOwner.drains > 0 })
      #expect(pair.nearOwner.drains == 1)
    }
  }

  @Test func isSilentAboutWritesThatItsOwnCloseCancelled() throws {
    try withLoop { loop in
      let pair = try StreamPair(on: loop)
      try Self.many.withUnsafeBytes { try pair.near.write(copying: $0) }
      try Self.many.withUnsafeBytes { try pair.near.write(copying: $0) }
      pair.near.close()
      try turn(loop, until: { pair.nearOwner.isClosed })
      #expect(pair.nearOwner.writeErrors.isEmpty)
      #expect(pair.nearOwner.drains == 0)
    }
  }

  @Test func tellsThatThePeerHasGone() throws {
    try withLoop { loop in
      let pair = try StreamPair(on: loop)
      try Self.many.withUnsafeBytes { try pair.near.write(copying: $0) }
      pair.far.close()
      try turn(loop, until: { !pair.nearOwner.writeErrors.isEmpty })
      #expect(
        [.brokenPipe, .connectionReset].contains(pair.nearOwner.writeErrors[0].code))
      #expect(pair.nearOwner.drains == 0)
      guard case .failed(let error) = write(pair.near, "x") else {
        Issue.record("wrote to nobody")
        return
      }
      #expect(error == UVError(.brokenPipe, "uv_try_write"))
    }
  }

  @Test func shutsDownAfterEverythingIsOut() throws {
    try withLoop { loop in
      let pair = try StreamPair(on: loop)
      try Self.many.withUnsafeBytes { try pair.near.write(copying: $0) }
      var result: UVError??
      try pair.near.shutdown { result = .some($0) }
      #expect(throws: UVError.self) { try pair.near.shutdown { _ in } }
      try pair.far.startReading()
      try turn(loop, until: { pair.farOwner.ending != nil })
      #expect(pair.farOwner.bytes == Self.many)
      #expect(pair.farOwner.ending == .endOfFile)
      try turn(loop, until: { result != nil })
      #expect(result == .some(nil))
      // The other direction still works.
      try pair.near.startReading()
      #expect(write(pair.far, "bye") == .written(3))
      try turn(loop, until: { pair.nearOwner.text == "bye" })
    }
  }

  @Test func cancelsAShutdownByClosing() throws {
    try withLoop { loop in
      let pair = try StreamPair(on: loop)
      try Self.many.withUnsafeBytes { try pair.near.write(copying: $0) }
      var result: UVError?
      try pair.near.shutdown { result = $0 }
      pair.near.close()
      try turn(loop, until: { pair.nearOwner.isClosed })
      #expect(result?.code == .canceled)
    }
  }
}

/// Vectors over the bytes of `texts`, valid inside `body`.
private func withVectors<Result>(
  _ texts: [String], _ body: (UnsafeBufferPointer<IOVector>) -> Result
) -> Result {
  let bytes = texts.flatMap { Array($0.utf8) }
  return bytes.withUnsafeBytes { bytes in
    var start = 0
    var vectors: [IOVector] = []
    for text in texts {
      let end = start + text.utf8.count
      vectors.append(IOVector(UnsafeRawBufferPointer(rebasing: bytes[start..<end])))
      start = end
    }
    return vectors.withUnsafeBufferPointer(body)
  }
}
