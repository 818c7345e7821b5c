/// A setting that can't be used as it is: which one, and the rule that it breaks.
///
/// Machines with settings return these from `validate()`, all at once, so that a configuration is
/// refused with everything that is wrong with it and never half applied.
package struct SettingProblem: Equatable, Sendable, CustomStringConvertible {
  package let setting: String
  package let rule: String

  package init(_ setting: String, _ rule: String) {
    self.setting = setting
    self.rule = rule
  }

  package var description: String { "\(setting) \(rule)" }

  /// The same, seen from the settings that hold these as `place`.
  func within(_ place: String) -> SettingProblem {
    SettingProblem("\(place).\(setting)", rule)
  }
}

extension [SettingProblem] {
  /// Notes that `setting` breaks `rule` unless `isFine`.
  mutating func require(_ isFine: Bool, _ setting: String, _ rule: String) {
    if !isFine { append(SettingProblem(setting, rule)) }
  }
}
