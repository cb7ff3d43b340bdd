/** Vite: the address of a module that is bundled for a thread of its own. */
declare module "*?worker&url" {
  const url: string
  export default url
}
