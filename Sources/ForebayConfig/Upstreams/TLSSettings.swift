/// How connections of a route's upstream are secured, where the URL asks for TLS.
package struct TLSSettings: Equatable, Sendable {
  package var authorityFile: String?
  package var certificateFile: String?
  package var keyFile: String?
  package var serverName: String?
  package var verifies = true
  package init() {}

  static let rows: [Setting<RouteTarget>] = [
    .file(
      "tls.ca_file", \.tls.authorityFile,
      "Who signs the upstream's certificate (PEM); none: whoever the system trusts."),
    .file(
      "tls.cert_file", \.tls.certificateFile,
      "Our own certificate with its chain (PEM), for upstreams that ask for one."),
    .file(
      "tls.key_file", \.tls.keyFile,
      "Its key (PEM); none: it is in tls.cert_file, too."),
    Setting(
      "tls.server_name", \.tls.serverName, orNone(.text(longest: 253)),
      "The name that the upstream's certificate must have; none: the host of the URL.",
      needsRestart: true),
    Setting(
      "tls.verify", \.tls.verifies, .yesOrNo,
      "Off, anybody on the way can read and change everything.", needsRestart: true),
  ]
}
