namespace Repository.Tests;

/// <summary>eng/trx.sh: what test.sh says about result files is what stands in them.</summary>
[TestClass]
public sealed class TestSummaryTests
{
    private const string Results = """
        <TestRun><Results>
        <UnitTestResult testId="1" testName="Good &lt;1&gt;" duration="0" outcome="Passed"/>
        <UnitTestResult testId="2" testName="Bad (&quot;x&quot;)" outcome="Failed"><Output><StdOut>outcome="Passed"</StdOut><ErrorInfo>
          <Message>first &amp; worst
        second line</Message><StackTrace>at X in Y.cs:line 3</StackTrace></ErrorInfo></Output></UnitTestResult>
        <UnitTestResult testId="3" testName="Later" outcome="NotExecuted"/>
        <UnitTestResult testId="4" testName="Slow" outcome="Timeout"/>
        </Results><TestDefinitions>
        <UnitTest name="Bad" id="2"><TestMethod codeBase="a.dll" className="N.C" name="Bad" /></UnitTest>
        <UnitTest name="Slow" id="4"><TestMethod codeBase="a.dll" className="N.D" name="Slow" /></UnitTest>
        </TestDefinitions></TestRun>
        """;

    [TestMethod]
    public void Counts_and_failures_are_read_from_the_file()
    {
        if (OperatingSystem.IsWindows())
            Assert.Inconclusive("bash scripts are for Linux and macOS");
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, Results);
            var run = Repository.Run("bash", "-c", "source eng/trx.sh; trx_counts \"$1\"; trx_failures \"$1\"; trx_counts /no/such/file", "-", file);
            Assert.AreEqual(0, run.ExitCode, run.Errors);
            Assert.AreEqual("""
                1 2 1
                FAILED N.C.Bad ("x")
                    first & worst
                    second line
                      at X in Y.cs:line 3
                FAILED N.D.Slow
                0 0 0

                """, run.Output);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
