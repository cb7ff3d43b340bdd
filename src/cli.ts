#!/usr/bin/env node
/**
 * The entry point of `npx lathe`. What Node compiles is kept in gen/compile-cache, for the next start and for the
 * processes that this one starts: they start in about two thirds of the time.
 */
import { enableCompileCache } from "node:module"
import { generated } from "./layers/process/entryPoints.ts"
import { keepCompiled } from "./layers/process/keepCompiled.ts"

process.env["NODE_COMPILE_CACHE"] ??= generated("compile-cache")
enableCompileCache(process.env["NODE_COMPILE_CACHE"])
keepCompiled()
await import("./commandLine.ts")
