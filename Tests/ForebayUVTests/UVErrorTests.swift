import ForebayUV
import Testing

@Suite struct UVErrorTests {
  @Test func saysWhichCallFailedAndHow() {
    let error = UVError(.connectionRefused, "uv_pipe_connect")
    #expect(error.code.name == "ECONNREFUSED")
    #expect(error.description == "uv_pipe_connect: connection refused (ECONNREFUSED)")
    #expect(error != UVError(.connectionRefused, "uv_tcp_connect"))
    #expect(error != UVError(.connectionReset, "uv_pipe_connect"))
  }
}
