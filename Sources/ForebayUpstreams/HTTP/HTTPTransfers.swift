import CCurl
import ForebayCore
import ForebayUV
import ForebayWire
import Glibc

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

  private struct Watched {
    let poll: Poll
    /// False for the socket of a connection that waits for its next request.
    var isWanted = true
  }

  private let multi: UnsafeMutableRawPointer
  private let loop: Loop
  private unowned(unsafe) let owner: any HTTPTransfersOwner
  /// What it wants to have watched, by descriptor, and what it may want again.
  private var watched: [curl_socket_t: Watched] = [:]
  /// The sockets of connections: it closes these through us.
  private var sockets: Set<curl_socket_t> = []
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
    for entry in watched.values { entry.poll.close() }
    watched = [:]
    timer?.close()
    hook?.close()
  }

  deinit { invariant(isClosed, "transfers were released before they were closed") }

  /// Before a handle is added for the first time.
  func adopt(_ easy: UnsafeMutableRawPointer) {
    let code = forebay_curl_set_sockets(
      easy, socketWanted, socketOver, Unmanaged.passUnretained(self).toOpaque())
    invariant(code == CURLE_OK, "libcurl lets others make sockets")
  }

  func add(_ easy: UnsafeMutableRawPointer) {
    let code = curl_multi_add_handle(multi, easy)
    invariant(code == CURLM_OK, "a handle is added once")
  }

  /// Also ends it, if it is under way: its connection is closed with HTTP/1.1, its stream with HTTP/2.
  func remove(_ easy: UnsafeMutableRawPointer) { curl_multi_remove_handle(multi, easy) }

  // MARK: What libcurl wants

  fileprivate func makeSocket(_ address: curl_sockaddr) -> curl_socket_t {
    let socket = Glibc.socket(
      address.family, address.socktype | Int32(SOCK_CLOEXEC.rawValue), address.protocol)
    if socket >= 0 { sockets.insert(socket) }
    return socket
  }

  fileprivate func closeSocket(_ socket: curl_socket_t) {
    sockets.remove(socket)
    watched.removeValue(forKey: socket)?.poll.close()
    Glibc.close(socket)
  }

  fileprivate func watch(_ socket: curl_socket_t, _ what: Int32) {
    guard what != CURL_POLL_REMOVE else { return unwatch(socket) }
    if watched[socket] == nil {
      // Where it can't be watched (no memory in the kernel) the transfer is given up when its time is
      // over.
      let poll = try? Poll(on: loop, descriptor: socket) { [unowned(unsafe) self] events in
        happened(socket, events)
      }
      watched[socket] = poll.map { Watched(poll: $0) }
    }
    var events: Poll.Events = []
    if what & CURL_POLL_IN != 0 { events.insert(.readable) }
    if what & CURL_POLL_OUT != 0 { events.insert(.writable) }
    watched[socket]?.isWanted = true
    watched[socket]?.poll.watch(events)
  }

  /// libcurl lets go of a connection's socket after each request, and wants it again with the next. Until
  /// something happens there or it is closed it stays watched, which spares the kernel four calls.
  private func unwatch(_ socket: curl_socket_t) {
    if sockets.contains(socket) {
      watched[socket]?.isWanted = false
    } else {
      watched.removeValue(forKey: socket)?.poll.close()
    }
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
    guard let entry = watched[socket] else { return }
    // The server has closed it, which libcurl sees before it uses it again.
    guard entry.isWanted else { return entry.poll.watch([]) }
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

private func socketWanted(
  _ user: UnsafeMutableRawPointer?, _: curlsocktype, _ address: UnsafeMutablePointer<curl_sockaddr>?
) -> curl_socket_t {
  guard let address else { return CURL_SOCKET_BAD }
  return transfers(user).makeSocket(address.pointee)
}

private func socketOver(_ user: UnsafeMutableRawPointer?, _ socket: curl_socket_t) -> Int32 {
  transfers(user).closeSocket(socket)
  return 0
}
