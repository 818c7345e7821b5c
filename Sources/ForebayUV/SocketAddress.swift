internal import CUV
internal import Glibc

/// An IPv4 or IPv6 address with a port.
package struct SocketAddress: CustomStringConvertible {
  private var storage: sockaddr_storage

  /// From numbers such as `127.0.0.1` or `::1`, never a name (see `Resolver`).
  /// The corresponding libuv functions are `uv_ip4_addr` and `uv_ip6_addr`.
  package init(numeric host: String, port: UInt16) throws(UVError) {
    var four = sockaddr_in()
    if uv_ip4_addr(host, Int32(port), &four) == 0 {
      storage = Self.storage(copying: &four, MemoryLayout<sockaddr_in>.size)
      return
    }
    var six = sockaddr_in6()
    try check(uv_ip6_addr(host, Int32(port), &six), "uv_ip6_addr")
    storage = Self.storage(copying: &six, MemoryLayout<sockaddr_in6>.size)
  }

  /// Nil for families other than the two.
  init?(_ address: UnsafePointer<sockaddr>) {
    switch Int32(address.pointee.sa_family) {
    case AF_INET: storage = Self.storage(copying: address, MemoryLayout<sockaddr_in>.size)
    case AF_INET6: storage = Self.storage(copying: address, MemoryLayout<sockaddr_in6>.size)
    default: return nil
    }
  }

  package var port: UInt16 {
    withPointer {
      UInt16(
        bigEndian: $0.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
          // The port lies at the same place in both families.
          $0.pointee.sin_port
        })
    }
  }

  /// The address in numbers. The corresponding libuv function is `uv_ip_name`.
  package var host: String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
      let status = withPointer { uv_ip_name($0, text.baseAddress, text.count) }
      return status == 0 ? String(cString: text.baseAddress!) : "?"
    }
  }

  private var isVersion6: Bool { Int32(storage.ss_family) == AF_INET6 }

  package var isLoopback: Bool {
    isVersion6 ? host == "::1" : host.hasPrefix("127.")
  }

  package var description: String { isVersion6 ? "[\(host)]:\(port)" : "\(host):\(port)" }

  func withPointer<Result>(_ body: (UnsafePointer<sockaddr>) -> Result) -> Result {
    withUnsafePointer(to: storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0) }
    }
  }

  static func read(
    _ call: StaticString,
    _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<Int32>) -> Int32
  ) throws(UVError) -> SocketAddress {
    var storage = sockaddr_storage()
    var length = Int32(MemoryLayout<sockaddr_storage>.size)
    let (status, address) = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        (body($0, &length), SocketAddress($0))
      }
    }
    try check(status, call)
    guard let address else { throw UVError(.invalidArgument, call) }
    return address
  }

  private static func storage(copying source: UnsafeRawPointer, _ count: Int) -> sockaddr_storage {
    var storage = sockaddr_storage()
    withUnsafeMutableBytes(of: &storage) {
      $0.copyMemory(from: UnsafeRawBufferPointer(start: source, count: count))
    }
    return storage
  }
}
