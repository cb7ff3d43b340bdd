import { Context, type Effect } from "effect"
import type { AudioWriteError } from "../domain/audio/AudioWriteError.ts"

/** Owns the music that lathe brings along: pieces of its own making, to try it with before there is a music folder. */
export class DemoLibrary extends Context.Tag("lathe/DemoLibrary")<
  DemoLibrary,
  {
    /**
     * Makes the pieces that are missing in `folder` (absolute; made where it is not there) and leaves those that exist
     * as they are. A piece appears complete or not at all. Takes seconds of processor time once, off the event loop.
     */
    readonly ensure: (folder: string) => Effect.Effect<void, AudioWriteError>
  }
>() {}
