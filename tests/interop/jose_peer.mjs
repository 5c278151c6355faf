// A party of another maker: signs and verifies tokens with npm `jose`. One JSON request a line in, one JSON answer a line
// out. Started as: node jose_peer.mjs FOLDER, where FOLDER/node_modules has jose. Spoken to by tests/support/jose_peer.py.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const jose = await import(pathToFileURL(createRequire(`${process.argv[2]}/`).resolve("jose")).href);

const operations = {
  // A JWT of `claims` under `header`, signed by `jwk` (private) or by the bytes `secret` (base64url).
  async sign({ claims, header, jwk, secret }) {
    const key = secret === undefined ? await jose.importJWK(jwk, header.alg) : jose.base64url.decode(secret);
    const crit = Object.fromEntries((header.crit ?? []).map((name) => [name, true]));
    return new jose.SignJWT(claims).setProtectedHeader(header).sign(key, { crit });
  },

  async unsecured({ claims }) {
    return new jose.UnsecuredJWT(claims).encode();
  },

  // Header and claims of a token that holds under `jwk` at the time `now` (seconds), as strictly as jose can be asked.
  async verify({ token, jwk, now, typ, issuer, audience, maxTokenAge }) {
    const { payload, protectedHeader } = await jose.jwtVerify(token, await jose.importJWK(jwk, "EdDSA"), {
      algorithms: ["EdDSA"],
      typ,
      issuer,
      audience,
      maxTokenAge,
      requiredClaims: ["iss", "sub", "aud", "iat", "exp", "jti"],
      currentDate: new Date(now * 1000),
      clockTolerance: 0,
    });
    return { header: protectedHeader, claims: payload };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { operation, ...request } = JSON.parse(line);
  let answer;
  try {
    answer = { result: await operations[operation](request) };
  } catch (error) {
    answer = { error: error.code ?? `${error}` };
  }
  console.log(JSON.stringify(answer));
}
