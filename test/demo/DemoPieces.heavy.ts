import { describeDemoPieces } from "../support/demoPieceSuite.ts"

describeDemoPieces(44_100)
