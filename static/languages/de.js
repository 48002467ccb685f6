globalThis.parlorLanguage={"forms":["one","other"],"words":{"{n} hour":["{n} Stunde","{n} Stunden"]}};
