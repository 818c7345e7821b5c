/// Stops the process, saying what and where, when something that only our own mistake can break is
/// broken. In release too. Never call it on what a peer sent: peers' mistakes are results.
@inlinable
@inline(__always)
package func invariant(
  _ condition: @autoclosure () -> Bool, _ message: @autoclosure () -> String,
  file: StaticString = #fileID, line: UInt = #line
) {
  if !condition() { brokenInvariant(message(), file: file, line: line) }
}

/// The cold half of `invariant`, and the answer to a case that can't be.
@usableFromInline
@inline(never)
package func brokenInvariant(
  _ message: String, file: StaticString = #fileID, line: UInt = #line
) -> Never {
  fatalError("broken invariant: \(message)", file: file, line: line)
}
