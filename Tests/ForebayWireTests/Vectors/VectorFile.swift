import Foundation
import Testing

/// A value of JSON, to compare what was decoded with what a vector expects.
enum JSON: Equatable, Sendable, Decodable {
  case bool(Bool)
  case number(Int)
  case text(String)
  case list([JSON])
  case object([String: JSON])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .text(value)
    } else if let value = try? container.decode([JSON].self) {
      self = .list(value)
    } else {
      self = .object(try container.decode([String: JSON].self))
    }
  }

  subscript(key: String) -> JSON? {
    if case .object(let fields) = self { fields[key] } else { nil }
  }
  var number: Int? { if case .number(let value) = self { value } else { nil } }
  var text: String? { if case .text(let value) = self { value } else { nil } }
  var list: [JSON]? { if case .list(let value) = self { value } else { nil } }
}

/// One case of proto/vectors, as its schema describes it.
struct Vector: Decodable, Sendable, CustomTestStringConvertible {
  struct Setup: Decodable, Equatable, Sendable {
    var receiver: String
    var state: String?
    var peer: Bool?
    var frame_bytes_max: Int?
    var overhead: Int?
    var limit_bytes: String?
    var limit_messages: String?
    var last_sequence: String?
    var last_link_sequence: String?
  }

  struct Part: Decodable, Sendable {
    var bytes: [UInt8]

    init(from decoder: any Decoder) throws {
      if let hex = try? decoder.singleValueContainer().decode(String.self) {
        bytes = Vector.bytes(hex: hex)
        return
      }
      enum Key: CodingKey { case `repeat`, hex }
      let container = try decoder.container(keyedBy: Key.self)
      let once = Vector.bytes(hex: try container.decode(String.self, forKey: .hex))
      let times = try container.decode(Int.self, forKey: .repeat)
      bytes = Array(repeatElement(once, count: times).joined())
    }
  }

  struct Expectation: Decodable, Sendable {
    struct Mistake: Decodable, Equatable, Sendable {
      var code: String
      var offset: Int
      var known_after: Int?
    }
    struct Rest: Decodable, Equatable, Sendable {
      var offset: Int
      var frame_bytes: Int
    }
    struct Count: Decodable, Equatable, Sendable {
      var bytes: String
      var messages: String
    }
    var events: [JSON]
    var error: Mistake?
    var incomplete: Rest?
    var counted: Count?
  }

  struct Step: Decodable, Sendable {
    var recv: String?
    var send: Int?
    var allowed: Bool?
  }

  var id: String
  var setup: Setup
  var input: [Part]?
  var expect: Expectation?
  var steps: [Step]?

  var testDescription: String { id }
  var bytes: [UInt8] { input?.flatMap(\.bytes) ?? [] }

  static func bytes(hex: String) -> [UInt8] {
    let digits = hex.utf8.map { UInt8($0 < 0x3a ? $0 - 0x30 : $0 - 0x61 + 10) }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  static let folder = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "proto/vectors")

  /// All vectors, in the order of their files' names.
  static let all: [Vector] = {
    struct File: Decodable { var vectors: [Vector] }
    let names = FileManager.default.enumerator(atPath: folder.path)?.allObjects ?? []
    let files = names.compactMap { $0 as? String }.filter {
      $0.hasSuffix(".json") && $0.contains("/")
    }
    return files.sorted().flatMap { name -> [Vector] in
      do {
        let content = try Data(contentsOf: folder.appending(path: name))
        return try JSONDecoder().decode(File.self, from: content).vectors
      } catch {
        fatalError("\(name): \(error)")
      }
    }
  }()
}
