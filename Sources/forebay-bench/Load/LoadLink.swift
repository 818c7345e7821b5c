import ForebayCore
import ForebayUV
import ForebayWire

/// One client of a load and its socket: connects, reads, writes, and connects again if it may.
final class LoadLink: StreamOwner {
  let client: LoadClient
  private unowned let load: Load
  private var stream: StreamHandle?
  private let rest = FrameBuffer()
  private var canWrite = false
  /// When to connect again, if it isn't connected.
  private(set) var reconnectAt: Instant?
  private(set) var isFinished = false
  /// The load has counted that this client got its first window.
  var wasReady = false

  init(client: LoadClient, load: Load) {
    self.client = client
    self.load = load
  }

  // MARK: Connecting

  func connect() {
    reconnectAt = nil
    do throws(UVError) {
      switch load.settings.endpoint {
      case .unix(let path):
        let stream = try StreamHandle(on: load.loop, .pipe)
        self.stream = stream
        stream.attach(self)
        try stream.connect(toPath: path) { [self] error in connectEnded(stream, error) }
      case .tcp(let host, let port):
        try StreamHandle.connect(on: load.loop, host: host, port: port) { [self] result in
          switch result {
          case .success(let stream):
            self.stream = stream
            stream.attach(self)
            connectEnded(stream, nil)
          case .failure(let error): ended(error.description)
          }
        }
      }
    } catch {
      ended(error.description)
    }
  }

  private func connectEnded(_ stream: StreamHandle, _ error: UVError?) {
    guard stream === self.stream else { return }
    if let error { return ended(error.description) }
    do throws(UVError) {
      try stream.startReading()
      canWrite = true
      client.connected()
      pump()
    } catch {
      ended(error.description)
    }
  }

  /// The connection is over, for whatever reason.
  private func ended(_ reason: String) {
    guard !isFinished else { return }
    canWrite = false
    stream?.close()
    stream = nil
    rest.removeAll()
    let now = load.now
    if client.phase == .leaving {
      isFinished = true
    } else {
      reconnectAt = load.connectionLost(self, reason, now: now)
      isFinished = reconnectAt == nil
    }
    client.lost(now: now)
    load.changed(self)
  }

  // MARK: Writing

  /// Writes everything that may be sent now.
  func pump() {
    guard canWrite, let stream else { return }
    let now = load.now
    do throws(UVError) {
      while canWrite {
        let chunk = load.nextChunk(for: client, now: now)
        if chunk == nil, client.output.isEmpty { break }
        canWrite = try send(client.output.bytes, chunk?.bytes ?? .nothing, on: stream)
        client.output.removeAll()
        if chunk == nil { break }
      }
    } catch {
      ended(error.description)
    }
  }

  /// Leaves once there is nothing more to wait for.
  func leave() {
    guard client.phase != .leaving else { return }
    client.leave()
    pump()
  }

  // MARK: StreamOwner

  func streamWillRead(_ stream: StreamHandle) -> UnsafeMutableRawBufferPointer { load.arena.lend() }

  func streamRead(_ stream: StreamHandle, count: Int) {
    guard count > 0, stream === self.stream else { return }
    let bytes = load.arena.join(rest, count: count)
    do throws(WireError) {
      let took = try client.received(bytes, now: load.now)
      rest.append(UnsafeRawBufferPointer(rebasing: bytes[took...]))
    } catch {
      load.tally.violations += 1
      return ended("the daemon broke the protocol: \(error.code)")
    }
    load.changed(self)
    pump()
  }

  func streamReadEnded(_ stream: StreamHandle, _ ending: ReadEnding) {
    guard stream === self.stream else { return }
    switch ending {
    case .endOfFile: ended("the connection was closed")
    case .failed(let error): ended(error.description)
    }
  }

  func streamDrained(_ stream: StreamHandle) {
    guard stream === self.stream else { return }
    canWrite = true
    pump()
  }

  func streamWriteFailed(_ stream: StreamHandle, _ error: UVError) {
    guard stream === self.stream else { return }
    ended(error.description)
  }

  func streamClosed(_ stream: StreamHandle) {}
}
