/// Codes as the wire's text and `proto/codes.json` write them: `FLOW_CONTROL`. So operators find what
/// a log or a command says in the documents, whatever the language that said it.
package protocol WireNamed {}

extension WireNamed {
  package var wireName: String {
    var name = ""
    for character in "\(self)" {
      if character.isUppercase { name += "_" }
      name += character.uppercased()
    }
    return name
  }
}

extension ErrorCode: WireNamed {}
extension FrameType: WireNamed {}
extension Outcome: WireNamed {}
extension ReceiptLevel: WireNamed {}
extension WindowReason: WireNamed {}
extension WindowState: WireNamed {}
