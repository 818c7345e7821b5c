import FuzzSupport
import Glibc

/// The program of `make fuzz`: libFuzzer's, with all targets. FUZZ_TARGET says which one is fed.
enum FuzzMain {
  static let targets: [any FuzzTarget.Type] = [
    FramesFuzz.self, ControlFuzz.self, SessionFuzz.self, LinkFuzz.self, WorldFuzz.self,
    ClientFuzz.self, AdminFuzz.self, ConfigFuzz.self, JournalFuzz.self,
    RedisFuzz.self, AMQPFuzz.self, NATSFuzz.self, HTTPResultsFuzz.self,
  ]

  static let target: any FuzzTarget.Type = {
    let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let target = targets.first(where: { $0.name == name }) else {
      fatalError("FUZZ_TARGET is '\(name)', and none of \(targets.map { $0.name })")
    }
    return target
  }()
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let problem = FuzzMain.target.problem(with: UnsafeRawBufferPointer(start: bytes, count: count))
  if let problem { fatalError("\(FuzzMain.target.name): \(problem)") }
  return 0
}
