using System.Text.Json;
using System.Text.Json.Serialization;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>A choice as HF PEFT's files write it: its name in snake case.</summary>
internal sealed class NameConverter<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false)
    where T : struct, Enum;
