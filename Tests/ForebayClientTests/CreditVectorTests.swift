import ForebayClient
import ForebayWire
import Foundation
import Testing

/// The cases of proto/vectors/credit that ask what a sender may send, put to the machine.
@Suite struct CreditVectorTests {
  struct File: Decodable {
    var vectors: [Vector]
  }

  struct Vector: Decodable, Sendable, CustomTestStringConvertible {
    struct Setup: Decodable, Sendable { var overhead: UInt32? }
    struct Step: Decodable, Sendable {
      /// A frame that arrives, in hex.
      var recv: String?
      /// A DATA frame of so many bytes: may it go?
      var send: Int?
      var allowed: Bool?
    }
    var id: String
    var setup: Setup
    var steps: [Step]?
    var testDescription: String { id }

    static let all: [Vector] = {
      let folder = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
      return ["7.2", "7.3", "7.5"].flatMap { section -> [Vector] in
        let path = "\(folder)/proto/vectors/credit/\(section).json"
        guard let data = FileManager.default.contents(atPath: path),
          let file = try? JSONDecoder().decode(File.self, from: data)
        else {
          Issue.record("\(path) can't be read")
          return []
        }
        return file.vectors.filter { $0.steps != nil }
      }
    }()
  }

  @Test func thereAreSome() { #expect(Vector.all.count >= 5) }

  @Test(arguments: Vector.all) func sendsWhatIsAllowedAndNoMore(_ vector: Vector) {
    let talk = Conversation()
    talk.produceBytes = 20 << 20
    talk.connect()
    let overhead = vector.setup.overhead ?? 0
    talk.hear(
      .frame(Welcome(frameBytesMax: UInt32(WireLimits.frameBytesMax), overhead: overhead)))
    _ = talk.said()
    for (number, step) in (vector.steps ?? []).enumerated() {
      if let hex = step.recv { talk.hear(DaemonLine(bytes: Self.bytes(hex))) }
      guard let size = step.send else { continue }
      let admits =
        talk.machine.isOpen && talk.machine.credit.admits(cost: UInt64(size) + UInt64(overhead))
      #expect(admits == step.allowed, "step \(number)")
      // What isn't allowed is only asked for: once submitted, it would go first later.
      guard step.allowed == true else { continue }
      talk.submit(String(repeating: "x", count: size - WireLimits.dataFixedBytes))
      let data = talk.said().filter { if case .data = $0 { true } else { false } }
      #expect(data.count == 1, "step \(number)")
    }
  }

  private static func bytes(_ hex: String) -> [UInt8] {
    let digits = Array(hex.utf8)
    return stride(from: 0, to: digits.count, by: 2).compactMap {
      UInt8(String(decoding: digits[$0..<($0 + 2)], as: UTF8.self), radix: 16)
    }
  }
}
