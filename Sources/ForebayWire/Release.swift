/// What this is, as programs, shims and the admin socket say it.
package enum Release {
  package static let version = "0.1.0"
}
