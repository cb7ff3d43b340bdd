/** What a worker process may need of this one's environment. Nothing else is passed on: above all no LATHE_TOKEN. */
const needed: ReadonlyArray<string> = [
  // To find programs, the user's folders and a place for temporary files.
  "PATH",
  "HOME",
  "TMPDIR",
  "TEMP",
  "TMP",
  "SystemRoot",
  // How text and time are read and written.
  "LANG",
  "LC_ALL",
  "LC_CTYPE",
  "TZ",
  // Where libraries are, on systems without a common place for them.
  "LD_LIBRARY_PATH",
  "DYLD_LIBRARY_PATH",
  // What Node has compiled is shared.
  "NODE_COMPILE_CACHE",
  // A worker logs as its service does.
  "LATHE_LOG_FORMAT",
  "LATHE_LOG_LEVEL"
]

/** The environment of a child process: what is needed of this one's, and `further`. */
export const childEnvironment = (further: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  ...Object.fromEntries(
    needed.flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    })
  ),
  ...further
})
