import ForebayCore

/// The demo's numbers. They are told on its first lines and checked in its summary.
struct DemoSettings: Equatable, Sendable {
  /// Producers, each a client with a session of its own.
  var producers = 5
  /// Messages a second that all producers together have to send.
  var offered = 100_000
  /// Messages a second that the hub may give its journal: a tenth.
  var rate = 10_000
  /// Messages and bytes that the first forebayd may hold. Half a second's worth: what waits here is
  /// delay, and producers can wait where they are.
  var bufferMessages = 5_000
  /// Enough for messages to run out first: credit in bytes is given for larger ones than these.
  var bufferBytes = 16 << 20
  /// Messages that one producer may have unsettled: all of them together use what one user may have of
  /// the buffer.
  var windowMessages = 800
  /// The hub's, smaller: what it can't hold waits one hop before.
  var hubBufferMessages = 2_000
  var hubBufferBytes = 8 << 20
  var payloadBytes = 100

  // The story's times.

  /// Act 1.
  var slowed = TimeSpan.seconds(12)
  /// The hub stays dead for so long, and until a probe has failed.
  var outage = TimeSpan.seconds(6)
  /// After the breaker has closed and the old rate is reached again.
  var afterwards = TimeSpan.seconds(5)
  /// The longest that anything is waited for; a run in which all is well never does.
  var patience = TimeSpan.seconds(20)
  /// All of it ends by then.
  var end = TimeSpan.seconds(58)

  /// Whole frames in bytes; the rest of a message's cost is the daemon's overhead.
  var frameBytes: Int { 4096 }

  func daemonOptions(_ place: DemoPlace) -> [String] {
    [
      "--socket", place.daemonSocket, "--admin-socket", place.daemonAdmin,
      "--upstream", "forebay+unix:" + place.hubSocket,
      "--buffer-messages", "\(bufferMessages)", "--buffer-bytes", "\(bufferBytes)",
      "--window-messages", "\(windowMessages)", "--frame-bytes", "\(frameBytes)",
    ]
  }

  func hubOptions(_ place: DemoPlace) -> [String] {
    [
      "--socket", place.hubSocket, "--admin-socket", place.hubAdmin,
      "--upstream", "journal:" + place.journal, "--rate", "\(rate)/s",
      "--buffer-messages", "\(hubBufferMessages)", "--buffer-bytes", "\(hubBufferBytes)",
      "--window-messages", "\(hubBufferMessages)", "--frame-bytes", "\(frameBytes)",
    ]
  }

  func load(_ place: DemoPlace) -> Load.Settings {
    var load = Load.Settings(endpoint: .unix(place.daemonSocket), seed: .random(in: 1 ... .max))
    load.clients = producers
    load.rate = Double(offered)
    load.sizes = .fixed(payloadBytes)
    load.marksPayloads = true
    // Finer than anybody sees, and the processor has time for the daemons.
    load.beat = .milliseconds(5)
    load.endsOnInterrupt = false
    load.drainTimeout = patience
    return load
  }
}

/// Where everything of one run lies.
struct DemoPlace: Equatable, Sendable {
  let folder: String

  var daemonSocket: String { folder + "/client.sock" }
  var daemonAdmin: String { folder + "/admin/admin.sock" }
  var daemonLog: String { folder + "/forebayd.log" }
  var hubSocket: String { folder + "/hub.sock" }
  var hubAdmin: String { folder + "/hub-admin/admin.sock" }
  var hubLog: String { folder + "/hub.log" }
  var journal: String { folder + "/journal.db" }
}
