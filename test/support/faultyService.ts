/**
 * The service with processes that are not its own: `node faultyService.ts JSON`, where the JSON has the data folder, one
 * music folder, and the commands in place of lathe's. Measures what is played, and no more.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Layer, Option } from "effect"
import { withFormat } from "../../src/layers/telemetry/Logging.ts"
import { layer, type ServiceOptions } from "../../src/service.ts"

const { commands, dataFolder, folder } = JSON.parse(process.argv[2] ?? "") as {
  readonly dataFolder: string
  readonly folder: string
  readonly commands: NonNullable<ServiceOptions["commands"]>
}

NodeRuntime.runMain(
  Layer.launch(
    layer({
      host: "127.0.0.1",
      port: 0,
      fingerprintPort: 0,
      origins: [],
      token: Option.none(),
      requestsPerSecond: 1000,
      maximumStreams: 128,
      background: false,
      folders: [folder],
      dataFolder,
      commands
    })
  ).pipe(withFormat("text"))
)
