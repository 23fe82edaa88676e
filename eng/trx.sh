# shellcheck shell=bash
# Reads the test platform's result files (trx). Sourced by test.sh.
#
#   trx_counts FILE    "passed failed skipped"; zeros where there is no file
#   trx_line FILE      the same for people
#   trx_failures FILE  class, name and message of every failed test

# One opening tag a line: attributes and text never hold '<'. Line breaks inside text become carriage returns.
trx_tags() { tr '\n' '\r' <"$1" | tr '<' '\n'; }

trx_counts() {
  if [ ! -f "$1" ]; then
    echo "0 0 0"
    return
  fi
  trx_tags "$1" | awk '
    /^UnitTestResult / {
      if (/ outcome="Passed"/) passed++
      else if (/ outcome="(NotExecuted|Inconclusive)"/) skipped++
      else failed++
    }
    END { print passed + 0, failed + 0, skipped + 0 }'
}

trx_line() {
  local p f s
  read -r p f s <<<"$(trx_counts "$1")"
  echo "$p passed, $f failed, $s skipped"
}

trx_failures() {
  [ -f "$1" ] || return 0
  # Twice over the file: the classes stand in the definitions, after the results that need them.
  { trx_tags "$1"; printf '\n!results\n'; trx_tags "$1"; } | awk '
    function value(attribute,   text) {
      text = $0
      if (!sub(".* " attribute "=\"", "", text)) return ""
      sub(/".*/, "", text)
      return text
    }
    function plain(text) {
      gsub(/&#x[dD];|\r/, "\n    ", text); gsub(/&#x[aA];/, "", text)
      gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text); gsub(/&quot;/, "\"", text); gsub(/&apos;/, "\047", text)
      gsub(/&amp;/, "\\&", text); sub(/[ \n]+$/, "", text)
      return text
    }
    function body(tag,   text) { text = $0; sub("^" tag ">", "", text); return plain(text) }
    /^!results/ { second = 1 }
    !second && /^UnitTest / { id = value("id") }
    !second && /^TestMethod / { class[id] = value("className") }
    second && /^UnitTestResult / {
      bad = !(/ outcome="(Passed|NotExecuted|Inconclusive)"/)
      if (bad) print "FAILED " class[value("testId")] "." plain(value("testName"))
    }
    bad && /^Message>/ { print "    " body("Message") }
    bad && /^StackTrace>/ {
      count = split(body("StackTrace"), lines, "\n")
      for (i = 1; i <= count && i <= 6; i++) { sub(/^ +/, "", lines[i]); print "      " lines[i] }
    }
    /^\/UnitTestResult>/ { bad = 0 }'
}
