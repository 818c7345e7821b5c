import CCurl
import ForebayCore
import ForebayTLS
import ForebayWire

/// One request, again and again: a handle of libcurl with the memory that a request needs, used for one
/// call after the other.
final class HTTPRequest {
  /// The most that is read of an answer's body and of its headers. Beyond, it is no answer.
  static let answerBytesMax = 1 << 20
  static let headerBytesMax = 64 * 1024

  let easy: UnsafeMutableRawPointer
  /// The call that it carries, and the messages in it.
  var call: UInt32 = 0
  var messages = 0
  /// Messages of the call, counted from its first, that aren't in the body: they can't stand in it.
  var unfit: [Unfit] = []
  /// From `begin` to `end`.
  private(set) var isCarrying = false
  /// libcurl has it.
  var isUnderWay = false
  /// The core waits no longer, and it is still being compressed.
  var isGivenUp = false
  /// The body as it goes out, where it is compressed.
  var gzip: Gzip?
  /// What the body is, where a message doesn't say it.
  var standardType: [UInt8] = []

  struct Unfit: Equatable {
    let message: Int
    let code: MessageCode
  }

  var body = OutputQueue()
  /// What its id is made of: who and which its messages are.
  var identity = BatchIdentity()
  /// Percent-encoded or as it stands, for the path; empty where the path has none.
  var key: [UInt8] = []
  var lane = 0
  private let headers: HTTPHeaderList
  private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

  /// The body of an answer, where it says something of single messages.
  private(set) var answer: [UInt8] = []
  private var answerBytes = 0
  private var headerBytes = 0
  private(set) var isTooLarge = false
  /// Asked for once, of the first request.
  var security: String?

  init(_ setUp: HTTPSetUp) {
    guard let easy = curl_easy_init() else { brokenInvariant("memory for a request is there") }
    self.easy = easy
    headers = HTTPHeaderList(setUp)
    let me = Unmanaged.passUnretained(self).toOpaque()
    forebay_curl_set_pointer(easy, CURLOPT_PRIVATE, me)
    forebay_curl_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText)
    forebay_curl_set_receiver(easy, CURLOPT_WRITEFUNCTION, bodyReceived)
    forebay_curl_set_pointer(easy, CURLOPT_WRITEDATA, me)
    forebay_curl_set_receiver(easy, CURLOPT_HEADERFUNCTION, headerReceived)
    forebay_curl_set_pointer(easy, CURLOPT_HEADERDATA, me)
    setUp.apply(to: easy)
  }

  deinit {
    curl_easy_cleanup(easy)
    errorText.deallocate()
  }

  static func of(_ easy: UnsafeMutableRawPointer) -> HTTPRequest {
    Unmanaged<HTTPRequest>.fromOpaque(forebay_curl_private(easy)!).takeUnretainedValue()
  }

  /// Empty, for another call.
  func begin(_ call: UInt32, messages: Int) {
    self.call = call
    self.messages = messages
    unfit.removeAll(keepingCapacity: true)
    isCarrying = true
    isGivenUp = false
    body.removeAll()
    identity.removeAll()
    headers.removeAll()
    standardType.withUnsafeBytes { if !$0.isEmpty { headers.set(.contentType, $0) } }
    key.removeAll(keepingCapacity: true)
    answer.removeAll(keepingCapacity: answer.count <= 65_536)
    answerBytes = 0
    headerBytes = 0
    isTooLarge = false
    errorText.pointee = 0
  }

  /// Messages that are in the body.
  var fit: Int { messages - unfit.count }

  func setHeader(_ header: HTTPHeaderList.Place, _ value: UnsafeRawBufferPointer) {
    headers.set(header, value)
  }

  func setURL(_ url: String) {
    let code = forebay_curl_set_text(easy, CURLOPT_URL, url)
    invariant(code == CURLE_OK, "libcurl takes the address")
  }

  /// Asks for nothing but what a GET would answer with.
  func setHead() {
    forebay_curl_set_number(easy, CURLOPT_NOBODY, 1)
    forebay_curl_set_pointer(easy, CURLOPT_HTTPHEADER, headers.first)
  }

  func setID() {
    withUnsafeTemporaryAllocation(byteCount: BatchIdentity.bytesMax, alignment: 8) { room in
      var writer = ByteWriter(room.baseAddress!)
      identity.write(to: &writer)
      headers.set(.id, UnsafeRawBufferPointer(rebasing: room[..<writer.count]))
    }
  }

  /// What goes out: it stays where it is until the answer has come.
  func setBody(_ bytes: UnsafeRawBufferPointer) {
    forebay_curl_set_size(easy, CURLOPT_POSTFIELDSIZE_LARGE, bytes.count)
    forebay_curl_set_pointer(easy, CURLOPT_POSTFIELDS, bytes.baseAddress)
    forebay_curl_set_pointer(easy, CURLOPT_HTTPHEADER, headers.first)
  }

  /// The call is settled, and what it took is free.
  func end() {
    isCarrying = false
    isUnderWay = false
    gzip = nil
    body.removeAll()
  }

  // MARK: The answer

  var status: Int { forebay_curl_number(easy, CURLINFO_RESPONSE_CODE) }

  /// Whether some of it is out, so that it may have been taken.
  var wasSent: Bool { forebay_curl_number(easy, CURLINFO_REQUEST_SIZE) > 0 }

  var retryAfter: String? {
    var header: UnsafeMutablePointer<curl_header>?
    guard
      curl_easy_header(easy, "Retry-After", 0, UInt32(CURLH_HEADER), -1, &header) == CURLHE_OK,
      let value = header?.pointee.value
    else { return nil }
    return String(cString: value)
  }

  /// What libcurl says went wrong.
  func complaint(_ code: CURLcode) -> String {
    if isTooLarge { return "its answer has no end (over \(Self.answerBytesMax) bytes)" }
    let text = String(cString: errorText)
    return text.isEmpty ? String(cString: curl_easy_strerror(code)) : text
  }

  var version: String {
    switch forebay_curl_number(easy, CURLINFO_HTTP_VERSION) {
    case CURL_HTTP_VERSION_1_0: "HTTP/1.0"
    case CURL_HTTP_VERSION_1_1: "HTTP/1.1"
    case CURL_HTTP_VERSION_2_0: "HTTP/2"
    default: "HTTP"
    }
  }

  fileprivate func received(body bytes: UnsafeRawBufferPointer) -> Int {
    answerBytes += bytes.count
    guard answerBytes <= Self.answerBytesMax else {
      isTooLarge = true
      return 0
    }
    if status == 207 { answer.append(contentsOf: bytes) }
    return bytes.count
  }

  fileprivate func received(header bytes: UnsafeRawBufferPointer) -> Int {
    headerBytes += bytes.count
    guard headerBytes <= Self.headerBytesMax else {
      isTooLarge = true
      return 0
    }
    // The connection is known only while it is used.
    if security == nil { security = forebay_curl_ssl(easy).map(TLSContext.version(of:)) ?? "" }
    return bytes.count
  }
}

private func bodyReceived(
  _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ user: UnsafeMutableRawPointer?
) -> Int {
  let bytes = UnsafeRawBufferPointer(start: bytes, count: size * count)
  return Unmanaged<HTTPRequest>.fromOpaque(user.unsafelyUnwrapped)._withUnsafeGuaranteedRef {
    $0.received(body: bytes)
  }
}

private func headerReceived(
  _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ user: UnsafeMutableRawPointer?
) -> Int {
  let bytes = UnsafeRawBufferPointer(start: bytes, count: size * count)
  return Unmanaged<HTTPRequest>.fromOpaque(user.unsafelyUnwrapped)._withUnsafeGuaranteedRef {
    $0.received(header: bytes)
  }
}
