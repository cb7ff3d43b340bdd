// The arrows of docs/architecture.md: domain <- contract, dsp <- services <- layers <- entry points; the demo beside them; and, on one floor, between subjects.
const arrow = (name, from, to) => ({ name, severity: "error", from: { path: from }, to: { path: to } })

/** What layers of every subject stand on. */
const foundation = "process|supervision|telemetry|database"

/** Layers that know a layer of another subject: no service stands between them. Each needs a reason. */
const crossings = [
  // A scan looks into every directory once, and that is when half-done sidecars are found.
  ["library/folderUpdate.ts", "fingerprint/FingerprintSidecarFiles.ts"]
]

const exactly = (path) => `^src/layers/${path.replaceAll(".", "\\.")}$`

const crossing = ([from, to], n) => ({
  name: `crossing-${n + 1}-leads-to-one-file`,
  severity: "error",
  from: { path: exactly(from) },
  to: { path: "^src/layers/", pathNot: `^src/layers/(${from.split("/")[0]}|${foundation})/|${exactly(to)}` }
})

module.exports = {
  forbidden: [
    arrow("domain-is-pure", "^src/domain/", "^(src/(?!domain/)|gen/|node_modules/@effect/(?!schema))"),
    {
      name: "domain-and-contract-have-no-io",
      severity: "error",
      from: { path: "^src/(domain|contract)/" },
      to: { dependencyTypes: ["core"] }
    },
    {
      name: "subjects-of-the-domain-have-no-cycle",
      severity: "error",
      scope: "folder",
      from: { path: "^src/domain/" },
      to: { circular: true }
    },
    arrow(
      "contract-knows-domain-only",
      "^src/contract/",
      "^(src/(?!contract/|domain/)|gen/|node_modules/(?!effect/|@effect/(platform|rpc)/))"
    ),
    arrow("dsp-knows-domain-only", "^src/dsp/", "^(src/(?!dsp/|domain/)|gen/|node_modules/)"),
    arrow("services-know-domain-and-dsp", "^src/services/", "^(src/(?!services/|dsp/|domain/)|gen/)"),
    arrow("layers-do-not-know-entry-points", "^src/layers/", "^src/([^/]+\\.ts$|commands/)"),
    {
      name: "subjects-meet-in-services",
      severity: "error",
      from: { path: "^src/layers/([^/]+)/", pathNot: crossings.map(([from]) => exactly(from)) },
      to: { path: "^src/layers/", pathNot: `^src/layers/($1|${foundation})/` }
    },
    ...crossings.map(crossing),
    arrow(
      "web-knows-types-and-one-filter",
      "^web/",
      "^src/(?!domain/|contract/|dsp/KWeighting\\.ts$|dsp/Biquad\\.ts$)"
    ),
    arrow("src-does-not-know-tests", "^src/", "^(test|bench|examples|web)/"),
    arrow("src-does-not-know-the-demo", "^src/", "^demo/"),
    arrow(
      "the-demo-knows-dsp-and-the-encoder",
      "^demo/",
      "^(src/(?!domain/|dsp/|layers/audio/)|test/|bench/|examples/|gen/)"
    ),
    { name: "no-cycles", severity: "error", from: { path: "^(src|demo)" }, to: { circular: true } },
    { name: "resolvable", severity: "error", from: {}, to: { couldNotResolve: true } }
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^src/dsp/assembly/" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
      extensions: [".ts", ".js", ".cjs", ".json"]
    }
  }
}
