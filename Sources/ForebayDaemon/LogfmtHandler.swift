import Glibc
import Logging

/// swift-log's lines as logfmt on standard error: `ts=… level=… msg="…" key=value …`.
struct LogfmtHandler: LogHandler {
  var metadata = Logger.Metadata()
  var logLevel = Logger.Level.info

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var line = "ts=\(Self.timestamp()) level=\(event.level) msg=\(Self.quoted("\(event.message)"))"
    let fields = metadata.merging(event.metadata ?? [:]) { $1 }
    for key in fields.keys.sorted() { line += " \(key)=\(Self.quoted("\(fields[key]!)"))" }
    line += "\n"
    // One write, so that lines of several processes don't mix.
    let bytes = Array(line.utf8)
    _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }

  /// UTC with milliseconds.
  private static func timestamp() -> String {
    WallClock.text(milliseconds: WallClock.milliseconds())
  }

  /// As it is if it needs no quotes; else quoted, with everything that could end a line escaped.
  static func quoted(_ text: String) -> String {
    let isPlain =
      !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x22 && $0 != 0x3d }
    if isPlain { return text }
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case _ where scalar.value < 0x20 || scalar.value == 0x7f:
        let hex = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      case _: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
