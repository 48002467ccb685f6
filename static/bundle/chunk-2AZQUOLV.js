var t=/\r\n?|[\u0085\u2028\u2029]/gu,e=/\n(?:[\t\v\f\p{Zs}\p{Cf}\p{Variation_Selector}\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]*\n){3,}/gu,r=/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/gu,o=/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;function f(u){return u.replace(t,`
`).replace(e,`


`).replace(r,c)}function i(u){return o.test(u)}function s(u){return u.length>900||u.split(/\r\n?|[\n\u0085\u2028\u2029]/u,17).length>16}function c(u){let n=u.codePointAt(0);return n<32?String.fromCodePoint(9216+n):n===127?"␡":"�"}export{f as a,i as b,s as c};
