internal import ForebayWire

/// Whoever reads and writes a stream. All calls come from the loop, never from inside a call of
/// the owner to the stream.
package protocol StreamOwner: AnyObject {
  /// Lends memory for one read, right before it. An empty buffer puts the read off to the next
  /// turn: the way to bound a stream's share of a turn. Nothing is lost by it, but the loop
  /// doesn't wait while there is something to read, so it is no way to wait for memory.
  ///
  /// Each buffer that isn't empty is answered, before anything else is asked, by exactly one call
  /// of `streamRead` or `streamReadEnded`.
  func streamWillRead(_ stream: StreamHandle) -> UnsafeMutableRawBufferPointer

  /// The first `count` bytes of the buffer are filled. Zero means that it comes back unused.
  func streamRead(_ stream: StreamHandle, count: Int)

  /// Nothing more will be read. The buffer comes back unused, if one was lent: a hang-up after a
  /// short read needs none. After `endOfFile` the other direction may still be open.
  func streamReadEnded(_ stream: StreamHandle, _ ending: ReadEnding)

  /// Everything given to `write` is out; `tryWrite` works again.
  func streamDrained(_ stream: StreamHandle)

  /// What was given to `write` is lost, as is whatever comes after it. Not called after `close`.
  func streamWriteFailed(_ stream: StreamHandle, _ error: UVError)

  /// The last call. The descriptor is closed and the stream lets go of its owner.
  func streamClosed(_ stream: StreamHandle)
}

package enum ReadEnding: Equatable {
  case endOfFile
  case failed(UVError)
}

/// How a stream calls its owner: through this class's methods and one generic subclass.
///
/// Measured for the two calls of a read: 6 ns like this, 15 ns through an existential and 17 ns
/// through closures, which both count references each time. The owner can't go away meanwhile,
/// because a stream has one for life and `retained` is let go only by the close callback.
class StreamDelivery {
  func streamWillRead(_ stream: StreamHandle) -> UnsafeMutableRawBufferPointer {
    brokenInvariant("a delivery without an owner")
  }
  func streamRead(_ stream: StreamHandle, count: Int) {}
  func streamReadEnded(_ stream: StreamHandle, _ ending: ReadEnding) {}
  func streamDrained(_ stream: StreamHandle) {}
  func streamWriteFailed(_ stream: StreamHandle, _ error: UVError) {}
  func streamClosed(_ stream: StreamHandle) {}
}

final class OwnerDelivery<Owner: StreamOwner>: StreamDelivery {
  private let retained: Owner
  private let owner: Unmanaged<Owner>

  init(_ owner: Owner) {
    retained = owner
    self.owner = .passUnretained(owner)
  }

  override func streamWillRead(_ stream: StreamHandle) -> UnsafeMutableRawBufferPointer {
    owner._withUnsafeGuaranteedRef { $0.streamWillRead(stream) }
  }

  override func streamRead(_ stream: StreamHandle, count: Int) {
    owner._withUnsafeGuaranteedRef { $0.streamRead(stream, count: count) }
  }

  override func streamReadEnded(_ stream: StreamHandle, _ ending: ReadEnding) {
    retained.streamReadEnded(stream, ending)
  }

  override func streamDrained(_ stream: StreamHandle) { retained.streamDrained(stream) }

  override func streamWriteFailed(_ stream: StreamHandle, _ error: UVError) {
    retained.streamWriteFailed(stream, error)
  }

  override func streamClosed(_ stream: StreamHandle) { retained.streamClosed(stream) }
}
