/// Why a store could not be opened, written or read. Meant for an operator: it names the file.
package struct StoreError: Error, Equatable, Sendable, CustomStringConvertible {
  package enum Kind: String, Sendable, CaseIterable {
    /// The file's directory is missing, isn't ours to write, or lets others replace the file.
    case unusableDirectory = "unusable_directory"
    /// What lies at the path is something else, and is left alone.
    case notAStore = "not_a_store"
    /// A later Forebay wrote it.
    case newerSchema = "newer_schema"
    /// Another process, or another route of this one, writes to it.
    case inUse = "in_use"
    /// There is nothing at the path, or it can't be opened.
    case cannotOpen = "cannot_open"
    /// The disk, the quota or the configured maximum is exhausted. Deleting helps.
    case full
    case corrupt
    case inputOutput = "input_output"
    /// Somebody else kept the file locked for longer than we wait.
    case busy
    /// The file was removed or renamed while it was open.
    case moved
    /// It was closed before.
    case closed
    case other
  }

  package let kind: Kind
  package let path: String
  package let detail: String

  package init(_ kind: Kind, _ path: String, _ detail: String) {
    self.kind = kind
    self.path = path
    self.detail = detail
  }

  package var description: String { "\(path): \(detail)" }
}
