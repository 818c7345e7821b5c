package import ForebayCore
import ForebayStore
import ForebayUV
import ForebayWire

/// The embedded SQLite journal as an upstream: a call is a batch, a commit its verdict.
///
/// The journal fails in order (see `Journal`), so many calls may be out and order still holds.
package final class JournalUpstream: Upstream {
  /// Messages in one call. SQLite's cost a message hardly falls beyond a few hundred a transaction,
  /// and group commit joins calls anyway.
  static let callMessagesMax = 256
  static let callBytesMax = 256 * 1024
  /// Calls that may be out, each with a batch: enough for the next group to fill while one commits.
  static let callsMax = 16

  private unowned(unsafe) let owner: any UpstreamOwner
  private let route: UInt32
  private let journal: Journal
  private let async: Async
  private let wallClock: () -> Int64

  package static func traits(frameBytesMax: Int) -> UpstreamTraits {
    var traits = UpstreamTraits()
    traits.kind = .batch
    traits.failsInOrder = true
    traits.batchMessagesMax = callMessagesMax
    traits.batchBytesMax = callBytesMax
    traits.callsMax = callsMax
    traits.inFlightMessagesMax = callMessagesMax * callsMax
    traits.inFlightBytesMax = (callBytesMax + frameBytesMax) * callsMax
    return traits
  }

  package let traits: UpstreamTraits

  /// Opens the file; this waits for the disk. `wallClock` gives milliseconds since 1970.
  package init(
    path: String, place: UpstreamPlace, wallClock: @escaping () -> Int64
  ) throws {
    owner = place.owner
    route = place.route
    self.wallClock = wallClock
    let frameBytesMax = place.frameBytesMax
    traits = Self.traits(frameBytesMax: frameBytesMax)
    var options = JournalOptions()
    // A call takes a last run when it is just below its limit, and that may be a full segment.
    options.batchBytes = Self.callBytesMax + max(frameBytesMax, 65_536)
    options.batchesMax = Self.callsMax
    options.batchSegments = Self.callMessagesMax
    let relay = Relay()
    async = try Async(on: place.loop) { relay.upstream?.committed() }
    let waker = async.waker
    do {
      journal = try Journal(path: path, options: options) { waker.wake() }
    } catch {
      async.close()
      throw error
    }
    relay.upstream = self
    reportNotices()
  }

  /// The async handle is made before the journal that it belongs to.
  private final class Relay {
    weak var upstream: JournalUpstream?
  }

  package func dispatch(_ call: UInt32, _ core: borrowing Sidecar) {
    guard let batch = journal.takeBatch() else {
      fatalErrorNoBatch()
    }
    batch.token = UInt64(call)
    let receivedAt = wallClock()
    core.eachStretch(ofCall: call) { stretch in
      let fits = batch.append(
        stretch.bytes, messageCount: stretch.count, firstSequence: stretch.firstSequence,
        tag: stretch.tag, receivedAtMilliseconds: receivedAt)
      if !fits { fatalErrorNoBatch() }
    }
    journal.submit(batch)
  }

  private func fatalErrorNoBatch() -> Never {
    brokenInvariant("the core keeps to the journal's limits of calls and bytes")
  }

  private func committed() {
    owner.upstreamCallbackBegan()
    journal.drainCompletions { batch, result in
      switch result {
      case .committed:
        owner.callSettled(UInt32(batch.token), .accepted)
      case .failed(let error):
        owner.upstreamNoticed(route, "journal: \(error)", isProblem: true)
        owner.callSettled(UInt32(batch.token), .failed(retryAfter: nil))
      }
    }
    reportNotices()
  }

  private func reportNotices() {
    for notice in journal.drainNotices() {
      switch notice {
      case .created: owner.upstreamNoticed(route, "journal created", isProblem: false)
      case .reopened: owner.upstreamNoticed(route, "journal opened again", isProblem: false)
      case .migrated(let from, let to):
        owner.upstreamNoticed(
          route, "journal schema migrated from \(from) to \(to)", isProblem: false)
      case .modeTightened(let mode):
        owner.upstreamNoticed(
          route, "journal was readable by others (mode \(String(mode, radix: 8)))", isProblem: true)
      case .logSetAside(let path):
        owner.upstreamNoticed(
          route, "journal's stray log was set aside as \(path)", isProblem: true)
      case .quarantined(let path, let reason):
        owner.upstreamNoticed(
          route, "journal was corrupt (\(reason)), set aside as \(path)", isProblem: true)
      }
    }
  }

  package func close() {
    journal.close()
    committed()
    async.close()
  }
}
