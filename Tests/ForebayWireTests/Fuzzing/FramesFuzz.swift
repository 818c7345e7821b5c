import ForebayWire
import FuzzSupport

/// The frame decoder on any bytes: never reads beyond them, never stops the process, and finds the same
/// frames and the same mistake at the same place whichever way the bytes are cut, which are those that
/// a reader finds who looks at one frame after the other.
enum FramesFuzz: FuzzTarget {
  static let name = "frames"

  static func problem(with input: UnsafeRawBufferPointer) -> String? {
    var input = FuzzInput(input)
    var limits = StreamLimits()
    let shape = input.byte()
    limits.frameBytesMax = [64, 100, 4096, 100_000][Int(shape & 3)]
    limits.overhead = [0, 1, 128, 320][Int(shape >> 2 & 3)]
    if shape & 16 != 0 { limits.messages = UInt64(input.byte()) }
    if shape & 32 != 0 { limits.bytes = UInt64(input.short()) }
    let places = (0..<Int(shape >> 6)).map { _ in Int(input.short()) }
    let bytes = Array(input.rest())

    var reader = SingleFrameReader(limits)
    reader.read(bytes)
    let whole = limits.scan(bytes, cutAt: [])
    if whole != reader.found { return "whole: \(whole), one by one: \(reader.found)" }
    let cuts = places.map { $0 % (bytes.count + 1) }.sorted()
    for cuts in [cuts, bytes.count <= 256 ? Array(bytes.indices) : []] {
      let cut = limits.scan(bytes, cutAt: cuts)
      if cut != whole { return "whole: \(whole), cut at \(cuts): \(cut)" }
    }
    return nil
  }
}
