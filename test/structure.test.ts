/** Every file of src has a test: one of its name, or one that is named here. By names, not by paths: files move. */
import { readdirSync } from "node:fs"
import { basename } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, it } from "vitest"
import { assert } from "./support/assert.ts"

/** The test on the left covers the files on the right, which have no test of their name. */
const coveredBy: Readonly<Record<string, string>> = {
  ActorGroup: "Actors SupervisionTree SupervisionTreeRoot",
  AudioDecoderNodeAv: "AnalysisError AudioDecoder AudioReader FrameSource containers eventLoop",
  LinkReader: "BareStream LostStretch MpegIndex fileWindow flacFrame mpegHeader",
  links: "LinkConverter",
  AudioEncoderNodeAv: "AudioEncoder AudioWriteError audioWriteErrors wavHeader writers",
  BalanceEq: "PlanarBlock",
  BlockSums: "Downmix Kernels",
  ChunkMasteringProcessPool:
    "ChunkMasteringProcessProtocol ChunkMasteringProcessWorker PacketMemory RenderWorker WorkerProcess WorkerSlot childEnvironment endProcess exitWithParent workerLost workerSide workerSigns",
  ChunkMasteringRenderer: "ChunkMastering",
  DatabaseSqlite:
    "DatabaseUnavailable TrackRepo TrackRepoSqlite fileVersions migrations trackRecords trackRow trackStore",
  Dynamics: "BlockClock",
  FingerprintGenerator:
    "FileContent FingerprintGeneratorTiered FingerprintServerClient FingerprintStatus circuitBreaker generationEvents runningGenerations serverTier tierMetrics",
  FingerprintRepo: "Fingerprint FingerprintRepoSqlite",
  FingerprintServer: "FingerprintServerError Grpc Http Port Refusals",
  FingerprintServerClientGrpc: "ClientSession",
  FingerprintSidecarFiles: "FingerprintSidecar FolderReadOnly Sidecar contentHash",
  HttpAccess: "Access accessToken apiMethods loginPage problems",
  HttpListener: "PortUnavailable",
  LatheApi:
    "LatheApiRoutes expectations invalidParameter LibraryCatalog LibraryCatalogSqlite LibrarySort LibrarySpread Lists Numbers Problems ServiceStatus TrackMedia TrackMediaCached WaveformRepo WaveformRepoSqlite libraryCounts librarySpread listing trackSearch",
  LoudnessMeter: "Biquad KWeighting Series",
  MasteringChain: "ChainControls",
  MasteringDecision: "Decibels DecisionRequest MoveCauses NeutralSettings PresetCharacter MasteringPlan",
  Pitch: "Chroma Decimator Yin",
  PrometheusText: "Metrics ProcessMetrics",
  ReadinessProbes: "Readiness",
  Reference: "TruePeakDetector",
  References: "BeatTracker",
  ResumeTokensHmac: "ResumePoint ResumeTokens",
  RpcRoutes: "LatheRpcs RpcWebSocket",
  Spectrum: "BandShares Segmenter SpectralShape StereoSpectrum",
  StreamMessages: "Enhancement EnhancementRequest PlayRequest SampleRate",
  StreamSession: "RunningStream SessionOutlet StreamDelivery StreamTransport",
  Supervisor: "Child ChildInstance ChildStartFailed Pauses Slots Supervision supervisorMetrics",
  SupervisorDecision: "ChildSpec",
  Tempo: "Autocorrelation OnsetFlux Onsets",
  TrackAnalyzerLocal: "TrackAnalyzer",
  TrackAnalyzerProcessPool:
    "FingerprintServerQueue JobPool JobProtocol TrackAnalyzerProcessProtocol TrackAnalyzerProcessWorker lineSplitter serveJobs",
  TrackFileReaderProcess: "TrackFileReaderProcessProtocol TrackFileReaderProcessWorker probeWorker",
  TrackFileReaderLocal: "TrackFileReader fileTags pictures",
  TrackLibraryFolders:
    "AudioFormats DirectoryWatch Library SearchText Track TrackLibrary audioFiles fileDescription folderUpdate scanCounter untilFree walk",
  TrackStreamer: "TooManyStreams TrackStreamerLive",
  Watchdog: "processState",
  WebSocketsBounded: "WebSockets webSocketOf",
  DataFolderLock: "DataFolderInUse runningService sqliteErrors",
  cli: "SomeFailed commandLine compare comparisonPicture doctor engine fingerprint folders keepCompiled leftOutText master options scan status terminal version",
  readArguments: "UsageError",
  service: "HttpRoutes SupervisorSnapshot analysisWorker entryPoints renderWorker",
  settings: "InvalidSetting",
  shutdown: "GracefulShutdown GracefulShutdownInTime serve",
  telemetry: "TelemetryOtlp"
}

const root = fileURLToPath(new URL("..", import.meta.url))

const namesIn = (folder: string, ending: string): ReadonlyArray<string> =>
  readdirSync(root + folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(ending))
    .map((path) => basename(path, ending))

describe("The tests", () => {
  const tests = new Set(namesIn("test", ".test.ts"))
  const files = new Set(namesIn("src", ".ts"))
  // Compiled into one, which is called from files that have tests.
  const kernels = new Set(namesIn("src/dsp/assembly", ".ts"))
  const listed = Object.values(coveredBy).flatMap((names) => names.split(" "))

  it("cover every file of src", () => {
    assert.isAbove(files.size, 100)
    const bare = [...files].filter((name) => !tests.has(name) && !listed.includes(name) && !kernels.has(name))
    assert.deepStrictEqual(bare, [], "add a test of the file's name, or its name to the list above")
  })

  it("that are said to cover a file are there, as is the file, which has no other", () => {
    assert.deepStrictEqual(
      Object.keys(coveredBy).filter((name) => !tests.has(name)),
      []
    )
    assert.deepStrictEqual(
      listed.filter((name) => !files.has(name) || tests.has(name)),
      []
    )
    assert.deepStrictEqual(
      listed.filter((name, n) => listed.indexOf(name) !== n),
      []
    )
  })
})
