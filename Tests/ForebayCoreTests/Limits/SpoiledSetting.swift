import Testing

/// One way to break valid settings, and the name of the setting that must be reported for it.
struct SpoiledSetting<Settings>: Sendable, CustomTestStringConvertible {
  let name: String
  let spoil: @Sendable (inout Settings) -> Void

  init(_ name: String, _ spoil: @escaping @Sendable (inout Settings) -> Void) {
    self.name = name
    self.spoil = spoil
  }

  var testDescription: String { name }
}
