/** The page that asks a person for the token, where access needs one. */
import { HttpServerResponse } from "@effect/platform"

/** Where its form is sent, by POST, so that the token is in no address. */
export const path = "/login"

const html = (notice: string) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>lathe</title>
<style>body{font:1rem/1.5 system-ui;margin:15vh auto;max-width:22rem;padding:0 1rem}
input,button{font:inherit;padding:.4rem .6rem;width:100%;box-sizing:border-box;margin:.3rem 0}</style>
<h1>lathe</h1>
<form method="post" action="${path}">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Log in</button>
<p role="status">${notice}</p>
</form>
</html>
`

/** 401 with the form; `notice` is one of ours, never what somebody sent. */
export const response = (notice = "") =>
  HttpServerResponse.html(html(notice)).pipe(
    HttpServerResponse.setStatus(401),
    HttpServerResponse.setHeaders({
      "cache-control": "no-store",
      // Without a referrer a browser sends the form with "Origin: null", as a foreign page's.
      "referrer-policy": "same-origin",
      "content-security-policy":
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    })
  )
