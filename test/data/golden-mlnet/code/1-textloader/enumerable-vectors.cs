// Recorded with the real library: see the README of this folder.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using GoldenContracts;

public static class Case_1_textloader_enumerable_vectors
{
    public class A { public float[] V; } public class B { [VectorType(3)] public float[] V; } public class C { [VectorType(4)] public VBuffer<float> V; }
    public class D { [VectorType(2, 3)] public float[] V; } public class E { [KeyType(4)] public uint[] V; } public class F { [VectorType(2)] public bool[] V; } public class G { public ReadOnlyMemory<char> V; }

    public static void Run(MLContext ml, R r)
    {
        r.View("noSize", ml.Data.LoadFromEnumerable(new[] { new A { V = new float[] { 1, 2 } }, new A { V = new float[] { 3 } }, new A { V = null } }));
        r.Try("sized", () => ml.Data.LoadFromEnumerable(new[] { new B { V = new float[] { 1, 2, 3 } } }));
        r.Try("sizedWrong", () => ml.Data.LoadFromEnumerable(new[] { new B { V = new float[] { 1, 2 } } }));
        r.Try("sizedNull", () => ml.Data.LoadFromEnumerable(new[] { new B { V = null } }));
        r.Try("vbuffer", () => ml.Data.LoadFromEnumerable(new[] { new C { V = new VBuffer<float>(4, 2, new float[] { 5, 6 }, new[] { 1, 3 }) }, new C { V = new VBuffer<float>(4, new float[] { 1, 2, 3, 4 }) } }));
        r.Try("twoDims", () => ml.Data.LoadFromEnumerable(new[] { new D { V = new float[] { 1, 2, 3, 4, 5, 6 } } }));
        r.Try("keys", () => ml.Data.LoadFromEnumerable(new[] { new E { V = new uint[] { 0, 1, 4, 5 } } }));
        r.Try("bools", () => ml.Data.LoadFromEnumerable(new[] { new F { V = new[] { true, false } } }));
        r.Try("romc", () => ml.Data.LoadFromEnumerable(new[] { new G { V = "abc".AsMemory() } }));
    }
}
