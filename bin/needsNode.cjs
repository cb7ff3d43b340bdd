"use strict"
// Ends with one sentence where Node is older than package.json asks for. Written so that any Node can read it: the others
// would end at the first line of TypeScript, or of newer JavaScript, with a stack.

module.exports = function needsNode() {
  var asked = /(\d+)\.(\d+)/.exec(require("../package.json").engines.node)
  var own = process.versions.node.split(".")
  if (Number(own[0]) > Number(asked[1])) return
  if (own[0] === asked[1] && Number(own[1]) >= Number(asked[2])) return
  process.stderr.write(
    "lathe needs Node " +
      asked[0] +
      " or newer, and this is Node " +
      process.versions.node +
      ": install a newer one (https://nodejs.org/en/download), and start again.\n"
  )
  process.exit(1)
}

if (require.main === module) module.exports()
