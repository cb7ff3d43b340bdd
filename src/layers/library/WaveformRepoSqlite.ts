/** WaveformRepo on SQLite, one row a track. */
import { SqlClient } from "@effect/sql"
import { Effect, Layer, Option } from "effect"
import { fromBytes, isWaveform, toBytes } from "../../dsp/Waveform.ts"
import { isOfVersion } from "../database/fileVersions.ts"
import { WaveformRepo } from "../../services/WaveformRepo.ts"

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  return WaveformRepo.of({
    find: ({ track, version }) =>
      Effect.map(
        sql<{ readonly peaks: Uint8Array }>`
          SELECT peaks FROM waveforms
          WHERE track_id = ${track.id} AND ${isOfVersion(sql, version)}`,
        ([row]) => (row !== undefined && isWaveform(row.peaks) ? Option.some(fromBytes(row.peaks)) : Option.none())
      ).pipe(Effect.orDie),
    store: ({ track, version }, waveform) =>
      sql`INSERT OR REPLACE INTO waveforms
        ${sql.insert({ track_id: track.id, ...version, peaks: toBytes(waveform) })}`.pipe(
        Effect.catchAllCause((cause) => Effect.logWarning("A waveform cannot be stored", cause)),
        Effect.asVoid
      )
  })
})

export const layer = Layer.effect(WaveformRepo, make)
