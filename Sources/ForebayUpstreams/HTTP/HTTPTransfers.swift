import CCurl
import ForebayCore
import ForebayUV
import ForebayWire

/// Who is told of a transfer's end. It takes the handle out of the transfers.
protocol HTTPTransfersOwner: AnyObject {
  func transferEnded(_ easy: UnsafeMutableRawPointer, _ result: CURLcode)
  /// libcurl begins to work.
  func transfersBegan()
}

/// libcurl's transfers on our loop. libcurl says which sockets it wants to have watched and when it wants
/// to be woken, and is told what happened; it never waits itself.
///
/// Nothing is done twice in one callback: what is added begins, and what has ended is collected, in the
/// turns that follow, a bounded piece in each.
final class HTTPTransfers {
  /// Ended transfers are collected for so long in one turn, then the loop goes round.
  private static let turnNanoseconds: UInt64 = 1_000_000

  private let multi: UnsafeMutableRawPointer
  private let loop: Loop
  private unowned(unsafe) let owner: any HTTPTransfersOwner
  /// What it wants to have watched, by descriptor.
  private var polls: [curl_socket_t: Poll] = [:]
  private var timer: Timer?
  /// Keeps the loop from waiting while there is something to begin or to collect.
  private var hook: TurnHook?
  /// libcurl asked to be woken at once.
  private var isDue = false
  private var isClosed = false

  /// `connections` at most, to one server.
  init(
    on loop: Loop, connections: Int, owner: any HTTPTransfersOwner
  ) throws(UVError) {
    _ = Self.library
    self.loop = loop
    self.owner = owner
    guard let multi = curl_multi_init() else {
      brokenInvariant("libcurl has no memory at the start")
    }
    self.multi = multi
    forebay_curl_multi_set_number(multi, CURLMOPT_MAX_HOST_CONNECTIONS, connections)
    forebay_curl_multi_set_number(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections)
    forebay_curl_multi_set_number(multi, CURLMOPT_MAXCONNECTS, connections)
    forebay_curl_multi_set_number(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
    do throws(UVError) {
      timer = try Timer(on: loop) { [unowned(unsafe) self] in wake() }
      hook = try TurnHook(on: loop, .idle)
    } catch {
      close()
      throw error
    }
    forebay_curl_multi_set_owner(
      multi, socketChanged, timerChanged, Unmanaged.passUnretained(self).toOpaque())
  }

  /// Once in a process, before any thread but ours uses it.
  private static let library: Void = {
    let code = curl_global_init(Int(CURL_GLOBAL_ALL))
    invariant(code == CURLE_OK, "libcurl starts")
  }()

  /// Ends everything without a word.
  func close() {
    guard !isClosed else { return }
    isClosed = true
    curl_multi_cleanup(multi)
    for poll in polls.values { poll.close() }
    polls = [:]
    timer?.close()
    hook?.close()
  }

  deinit { invariant(isClosed, "transfers were released before they were closed") }

  func add(_ easy: UnsafeMutableRawPointer) {
    let code = curl_multi_add_handle(multi, easy)
    invariant(code == CURLM_OK, "a handle is added once")
  }

  /// Also ends it, if it is under way: its connection is closed with HTTP/1.1, its stream with HTTP/2.
  func remove(_ easy: UnsafeMutableRawPointer) { curl_multi_remove_handle(multi, easy) }

  // MARK: What libcurl wants

  fileprivate func watch(_ socket: curl_socket_t, _ what: Int32) {
    guard what != CURL_POLL_REMOVE else {
      polls.removeValue(forKey: socket)?.close()
      return
    }
    if polls[socket] == nil {
      // Where it can't be watched (no memory in the kernel) the transfer is given up when its time is
      // over.
      polls[socket] = try? Poll(on: loop, descriptor: socket) { [unowned(unsafe) self] events in
        happened(socket, events)
      }
    }
    var events: Poll.Events = []
    if what & CURL_POLL_IN != 0 { events.insert(.readable) }
    if what & CURL_POLL_OUT != 0 { events.insert(.writable) }
    polls[socket]?.watch(events)
  }

  /// Negative: never. What is to be now is done in a turn of its own.
  fileprivate func wakeIn(_ milliseconds: Int) {
    guard !isClosed else { return }
    isDue = milliseconds == 0
    if isDue {
      startHook()
    } else if milliseconds < 0 {
      timer?.cancel()
    } else {
      timer?.fire(at: loop.now + UInt64(milliseconds) * 1_000_000)
    }
  }

  private func startHook() { hook?.start { [unowned(unsafe) self] in turn() } }

  // MARK: What happens

  private func happened(_ socket: curl_socket_t, _ events: Poll.Events?) {
    owner.transfersBegan()
    // A broken socket is read and written, too: then libcurl finds out how it broke, and says so.
    let events = events ?? [.readable, .writable]
    act(
      socket,
      (events.contains(.readable) ? CURL_CSELECT_IN : 0)
        | (events.contains(.writable) ? CURL_CSELECT_OUT : 0))
  }

  private func wake() {
    owner.transfersBegan()
    act(CURL_SOCKET_TIMEOUT, 0)
  }

  private func turn() {
    owner.transfersBegan()
    hook?.stop()
    guard isDue else { return collect() }
    isDue = false
    act(CURL_SOCKET_TIMEOUT, 0)
  }

  private func act(_ socket: curl_socket_t, _ mask: Int32) {
    var running: Int32 = 0
    curl_multi_socket_action(multi, socket, mask, &running)
    collect()
  }

  private func collect() {
    let began = loop.now
    var left: Int32 = 0
    while !isClosed, let message = curl_multi_info_read(multi, &left) {
      guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else {
        continue
      }
      owner.transferEnded(easy, message.pointee.data.result)
      if left > 0, loop.now - began >= Self.turnNanoseconds { return startHook() }
    }
  }
}

private func transfers(_ user: UnsafeMutableRawPointer?) -> HTTPTransfers {
  Unmanaged<HTTPTransfers>.fromOpaque(user.unsafelyUnwrapped).takeUnretainedValue()
}

private func socketChanged(
  _: UnsafeMutableRawPointer?, _ socket: curl_socket_t, _ what: Int32,
  _ user: UnsafeMutableRawPointer?, _: UnsafeMutableRawPointer?
) -> Int32 {
  transfers(user).watch(socket, what)
  return 0
}

private func timerChanged(
  _: UnsafeMutableRawPointer?, _ milliseconds: Int, _ user: UnsafeMutableRawPointer?
) -> Int32 {
  transfers(user).wakeIn(milliseconds)
  return 0
}
