/** A file of the page; the bundler gives its address, relative to the script. */
declare module '*.wasm' {
  const address: string;
  export default address;
}
