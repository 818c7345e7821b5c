internal import Glibc

/// How many file descriptors this process may have open (`RLIMIT_NOFILE`).
package struct DescriptorLimit: Equatable, Sendable {
  package let soft: UInt64
  package let hard: UInt64

  /// Raises the soft limit to the hard one and reads what came of it.
  ///
  /// libuv sheds connections at the limit without telling anybody, so the daemon's own cap has to
  /// lie below it. The corresponding C functions are `getrlimit` and `setrlimit`.
  package static func raise() throws(UVError) -> DescriptorLimit {
    let before = try current()
    if before.soft < before.hard {
      var wanted = rlimit(rlim_cur: rlim_t(before.hard), rlim_max: rlim_t(before.hard))
      if setrlimit(resource, &wanted) != 0 { throw UVError(errno: errno, "setrlimit") }
    }
    return try current()
  }

  /// The corresponding C function is `getrlimit`.
  package static func current() throws(UVError) -> DescriptorLimit {
    var limit = rlimit()
    if getrlimit(resource, &limit) != 0 { throw UVError(errno: errno, "getrlimit") }
    return DescriptorLimit(soft: UInt64(limit.rlim_cur), hard: UInt64(limit.rlim_max))
  }

  private static var resource: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_NOFILE.rawValue) }
}
