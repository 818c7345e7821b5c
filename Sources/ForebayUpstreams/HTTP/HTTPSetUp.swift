import CCurl
import ForebayCore
import ForebayTLS
import ForebayWire

/// What all requests of an upstream have in common: made once, told to libcurl for each handle, and kept
/// for as long as there are any, since libcurl copies no lists.
final class HTTPSetUp {
  let options: HTTPOptions
  private let tls: TLSContext?
  /// Headers that every request has.
  let headers: UnsafeMutablePointer<curl_slist>?
  /// Where to connect to, if that isn't where the URL says.
  private let connectTo: UnsafeMutablePointer<curl_slist>?

  init(_ options: HTTPOptions, _ tls: TLSContext?) {
    self.options = options
    self.tls = tls
    var list: UnsafeMutablePointer<curl_slist>?
    for header in Self.headers(options) { list = curl_slist_append(list, header) }
    headers = list
    // The certificate's name stands in the URL then, since that is what libcurl compares.
    connectTo =
      options.serverName == nil
      ? nil : curl_slist_append(nil, "::\(options.shownHost):\(options.port)")
  }

  deinit {
    curl_slist_free_all(headers)
    curl_slist_free_all(connectTo)
  }

  static func headers(_ options: HTTPOptions) -> [String] {
    // Large bodies go without asking first; a server that doesn't want one says so.
    var headers = ["Expect:"]
    if options.compresses { headers.append("Content-Encoding: gzip") }
    if let token = options.bearerToken { headers.append("Authorization: Bearer \(token)") }
    if options.serverName != nil { headers.append("Host: \(options.authority)") }
    return headers + options.headers
  }

  /// `https://host:port`, by the name that the certificate has.
  var origin: String {
    let host = options.serverName ?? options.shownHost
    return "\(options.isEncrypted ? "https" : "http")://\(host):\(options.port)"
  }

  func apply(to easy: UnsafeMutableRawPointer) {
    // No signal for a name that isn't found in time, and no waiting for the thread that looks for it.
    number(easy, CURLOPT_NOSIGNAL, 1)
    number(easy, CURLOPT_QUICK_EXIT, 1)
    number(
      easy, CURLOPT_CONNECTTIMEOUT_MS,
      Int(UpstreamConnection.connectTimeout.millisecondsRoundedUp))
    number(easy, CURLOPT_TCP_KEEPALIVE, 1)
    text(easy, CURLOPT_PROTOCOLS_STR, "http,https")
    // Nothing comes from the environment.
    text(easy, CURLOPT_PROXY, "")
    text(easy, CURLOPT_USERAGENT, "forebayd/\(Release.version)")
    number(easy, CURLOPT_PATH_AS_IS, 1)
    if options.usesHTTP2 {
      number(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS)
      // Further requests wait for the first connection to say how many it takes at once.
      number(easy, CURLOPT_PIPEWAIT, 1)
    } else {
      number(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1)
    }
    if options.user != nil || options.password != nil {
      // As basic authentication, which is what libcurl does if it is told nothing else.
      text(easy, CURLOPT_USERNAME, options.user ?? "")
      text(easy, CURLOPT_PASSWORD, options.password ?? "")
    }
    if let connectTo { forebay_curl_set_pointer(easy, CURLOPT_CONNECT_TO, connectTo) }
    if let tls { secure(easy, tls) }
  }

  /// A request that brings a body.
  func applyMethod(to easy: UnsafeMutableRawPointer) {
    number(easy, CURLOPT_POST, 1)
    if options.method != "POST" { text(easy, CURLOPT_CUSTOMREQUEST, options.method) }
  }

  private func secure(_ easy: UnsafeMutableRawPointer, _ tls: TLSContext) {
    number(easy, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
    number(easy, CURLOPT_SSL_VERIFYPEER, tls.options.verifies ? 1 : 0)
    number(easy, CURLOPT_SSL_VERIFYHOST, tls.options.verifies ? 2 : 0)
    // Authorities come from our context, which has loaded them at the start.
    forebay_curl_set_text(easy, CURLOPT_CAINFO, nil)
    forebay_curl_set_text(easy, CURLOPT_CAPATH, nil)
    number(easy, CURLOPT_CA_CACHE_TIMEOUT, 0)
    forebay_curl_set_securer(easy, lendContext)
    forebay_curl_set_pointer(
      easy, CURLOPT_SSL_CTX_DATA, Unmanaged.passUnretained(tls).toOpaque())
  }

  private func number(_ easy: UnsafeMutableRawPointer, _ option: CURLoption, _ value: Int) {
    let code = forebay_curl_set_number(easy, option, value)
    invariant(code == CURLE_OK, "libcurl knows what it is told")
  }

  private func text(_ easy: UnsafeMutableRawPointer, _ option: CURLoption, _ value: String) {
    let code = forebay_curl_set_text(easy, option, value)
    invariant(code == CURLE_OK, "libcurl knows what it is told")
  }
}

private func lendContext(
  _: UnsafeMutableRawPointer?, _ context: UnsafeMutableRawPointer?,
  _ user: UnsafeMutableRawPointer?
) -> CURLcode {
  guard let context, let user else { return CURLE_SSL_CERTPROBLEM }
  let ours = Unmanaged<TLSContext>.fromOpaque(user).takeUnretainedValue()
  return ours.lend(to: context) ? CURLE_OK : CURLE_SSL_CERTPROBLEM
}
