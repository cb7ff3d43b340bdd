// The arrows of docs/architecture.md: domain <- dsp <- services <- layers <- entry points; the demo beside them.
const arrow = (name, from, to) => ({ name, severity: "error", from: { path: from }, to: { path: to } })

module.exports = {
  forbidden: [
    arrow("domain-is-pure", "^src/domain/", "^(src/(?!domain/)|gen/|node_modules/@effect/(?!schema))"),
    arrow("domain-has-no-io", "^src/domain/", "^(node:|fs$|path$|child_process$|net$|http)"),
    arrow("dsp-knows-domain-only", "^src/dsp/", "^(src/(?!dsp/|domain/)|gen/|node_modules/)"),
    arrow("services-know-domain-and-dsp", "^src/services/", "^(src/(?!services/|dsp/|domain/)|gen/)"),
    arrow("layers-do-not-know-entry-points", "^src/layers/", "^src/[^/]+\\.ts$"),
    arrow("src-does-not-know-tests", "^src/", "^(test|bench|examples)/"),
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
