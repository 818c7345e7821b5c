import ForebayStore
import ForebayWire
import Glibc

/// `measure PATH [messages=1000000] [batch=100] [bytes=128] [outstanding=8] [pages=1000]`
///
/// Prints one JSON object: rate, CPU of the whole process and of the "loop" thread per message, and
/// what the loop thread's calls took. Filling the batches' source is not counted.
func measure(_ arguments: [String]) {
  let path = arguments[0]
  var settings = [
    "messages": 1_000_000, "batch": 100, "bytes": 128, "outstanding": 8, "pages": 1000,
  ]
  for argument in arguments.dropFirst() {
    let parts = argument.split(separator: "=").map(String.init)
    guard parts.count == 2, settings[parts[0]] != nil, let value = Int(parts[1]) else {
      fatalError("unknown setting \(argument)")
    }
    settings[parts[0]] = value
  }
  var options = JournalOptions()
  options.batchesMax = settings["outstanding"]!
  options.checkpointPages = settings["pages"]!
  let bell = Bell()
  let journal: Journal
  do { journal = try Journal(path: path, options: options) { bell.ring() } } catch {
    fatalError("\(error)")
  }
  var run = Run(
    stream: FrameStream(count: settings["batch"]!, payloadBytes: settings["bytes"]!))
  run.go(journal, bell, batches: settings["messages"]! / settings["batch"]!)
  run.report(journal.status, settings)
  journal.close()
}

private struct Run {
  var stream: FrameStream
  var submits: [UInt64] = []
  /// The thread's own CPU time in `submit`; wall time has in it whoever ran in between.
  var submitsCPU: [UInt64] = []
  var appends: [UInt64] = []
  var latencies: [UInt64] = []
  var wall: UInt64 = 0
  var cpu: UInt64 = 0
  var loopCPU: UInt64 = 0

  init(stream: FrameStream) { self.stream = stream }

  mutating func go(_ journal: Journal, _ bell: Bell, batches: Int) {
    submits.reserveCapacity(batches)
    submitsCPU.reserveCapacity(batches)
    appends.reserveCapacity(batches)
    latencies.reserveCapacity(batches)
    let start = now(CLOCK_MONOTONIC)
    let cpuStart = now(CLOCK_PROCESS_CPUTIME_ID)
    let loopStart = now(CLOCK_THREAD_CPUTIME_ID)
    var sent = 0
    var done = 0
    while done < batches {
      while sent < batches, let batch = journal.takeBatch() {
        let a = now(CLOCK_MONOTONIC)
        stream.fill(batch, tag: ID128(high: 7, low: 9), receivedAt: 1_700_000_000_000)
        let cpu = now(CLOCK_THREAD_CPUTIME_ID)
        let b = now(CLOCK_MONOTONIC)
        batch.token = b
        journal.submit(batch)
        submits.append(now(CLOCK_MONOTONIC) - b)
        submitsCPU.append(now(CLOCK_THREAD_CPUTIME_ID) - cpu)
        appends.append(b - a)
        sent += 1
      }
      bell.wait()
      let time = now(CLOCK_MONOTONIC)
      journal.drainCompletions { batch, result in
        guard result == .committed else { fatalError("\(result)") }
        latencies.append(time - batch.token)
        done += 1
      }
    }
    wall = now(CLOCK_MONOTONIC) - start
    cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpuStart
    loopCPU = now(CLOCK_THREAD_CPUTIME_ID) - loopStart
  }

  func report(_ status: JournalStatus, _ settings: [String: Int]) {
    let messages = status.messages
    let fields = settings.keys.sorted().map { "\"\($0)\":\(settings[$0]!)" }.joined(separator: ",")
    print(
      "{\(fields),\"messages_per_s\":\(messages * 1_000_000_000 / wall),"
        + "\"cpu_ns_per_message\":\(cpu / messages),\"loop_ns_per_message\":\(loopCPU / messages),"
        + "\"commits\":\(status.commits),\"checkpoints\":\(status.checkpoints),"
        + "\"submit_ns\":\(quantiles(submits)),\"submit_cpu_ns\":\(quantiles(submitsCPU)),\"fill_and_append_ns\":\(quantiles(appends)),"
        + "\"batch_latency_ns\":\(quantiles(latencies))}")
  }

  private func quantiles(_ values: [UInt64]) -> String {
    let sorted = values.sorted()
    let at = { (p: Double) in sorted[min(sorted.count - 1, Int(p * Double(sorted.count)))] }
    return "{\"p50\":\(at(0.5)),\"p99\":\(at(0.99)),\"p999\":\(at(0.999)),\"max\":\(sorted.last!)}"
  }
}

private func now(_ clock: clockid_t) -> UInt64 {
  var time = timespec()
  clock_gettime(clock, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
