import CZlib
import ForebayWire

/// A body as a gzip member, made on a thread of the pool: a quarter of a megabyte takes milliseconds.
final class Gzip: @unchecked Sendable {
  /// The pool's thread reads and writes these while nobody else does: between `run` and the completion.
  private let source: UnsafeRawBufferPointer
  private let room: UnsafeMutableRawBufferPointer
  private var count = 0

  /// Fast: what is compressed is read once, at the other end of a network.
  private static let level: Int32 = 1

  /// `source` stays where it is until this is let go of.
  init(_ source: UnsafeRawBufferPointer) {
    self.source = source
    room = .allocate(byteCount: forebay_gzip_bound(source.count), alignment: 16)
  }

  deinit { room.deallocate() }

  func run() {
    count = forebay_gzip(source.baseAddress, source.count, room.baseAddress, room.count, Self.level)
  }

  /// Empty where memory was short.
  var result: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: room[..<count]) }
}
