using System.Runtime.CompilerServices;
using Microsoft.ML.SearchSpace;

[assembly: TypeForwardedTo(typeof(BooleanChoiceAttribute))]
[assembly: TypeForwardedTo(typeof(ChoiceAttribute))]
[assembly: TypeForwardedTo(typeof(NestOptionAttribute))]
[assembly: TypeForwardedTo(typeof(RangeAttribute))]

[assembly: InternalsVisibleTo("Microsoft.ML.AutoML")]
