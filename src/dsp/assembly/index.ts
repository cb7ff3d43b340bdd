// Everything that the wasm exports, one file a kernel. Built by `npm run build:wasm` into gen/kernels.wasm.
export { allocate } from "./memory"
export { kWeightedEnergy } from "./kWeighting"
