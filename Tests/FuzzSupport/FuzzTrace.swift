import Glibc

/// Whether a target tells in words what its input makes happen: FUZZ_TRACE=1.
package enum FuzzTrace {
  package static let isOn = getenv("FUZZ_TRACE") != nil

  package static var listener: ((String) -> Void)? {
    guard isOn else { return nil }
    return { text in print(text) }
  }
}
