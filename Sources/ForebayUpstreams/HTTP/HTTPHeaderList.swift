import CCurl
import ForebayWire

/// The headers that a request has for itself, chained before those that all have.
///
/// libcurl takes a chain of texts, copies none of them, and reads it until the request has ended.
final class HTTPHeaderList {
  enum Place: Int, CaseIterable {
    case id
    case contentType
    case traceparent
  }

  /// Longer values aren't sent: a client chooses some of them.
  static let valueBytesMax = 256
  private static let textBytes = 512

  private let common: UnsafeMutablePointer<curl_slist>?
  private let nodes: UnsafeMutablePointer<curl_slist>
  private let texts: UnsafeMutableRawPointer
  /// Name, colon and space.
  private let names: [[UInt8]]
  private var isSet = [Bool](repeating: false, count: Place.allCases.count)

  init(_ setUp: HTTPSetUp) {
    common = setUp.headers
    names = ["\(setUp.options.idHeader ?? ""): ", "Content-Type: ", "traceparent: "].map {
      Array($0.utf8)
    }
    invariant(
      names.allSatisfy { $0.count + Self.valueBytesMax < Self.textBytes }, "headers fit their place"
    )
    nodes = .allocate(capacity: Place.allCases.count)
    texts = .allocate(byteCount: Place.allCases.count * Self.textBytes, alignment: 16)
  }

  deinit {
    nodes.deallocate()
    texts.deallocate()
  }

  func removeAll() {
    for index in isSet.indices { isSet[index] = false }
  }

  /// Whether a client's bytes can be a header's value: text without controls.
  static func isValue(_ bytes: UnsafeRawBufferPointer) -> Bool {
    !bytes.isEmpty && bytes.count <= valueBytesMax
      && bytes.allSatisfy { (0x21...0x7e).contains($0) || $0 == 0x20 }
  }

  func set(_ place: Place, _ value: UnsafeRawBufferPointer) {
    invariant(value.count <= Self.valueBytesMax, "a header's value was looked at before")
    let index = place.rawValue
    var writer = ByteWriter(texts + index * Self.textBytes)
    writer.put(names[index])
    writer.put(value)
    writer.put(0)
    isSet[index] = true
  }

  /// The chain, good until the next change.
  var first: UnsafeMutablePointer<curl_slist>? {
    var next = common
    for place in Place.allCases.reversed() where isSet[place.rawValue] {
      let text = (texts + place.rawValue * Self.textBytes).assumingMemoryBound(to: CChar.self)
      nodes[place.rawValue] = curl_slist(data: text, next: next)
      next = nodes + place.rawValue
    }
    return next
  }
}
