using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Microsoft.ML.AutoML")]
[assembly: InternalsVisibleTo("Microsoft.ML.Data")]
[assembly: InternalsVisibleTo("Microsoft.ML.Transforms")]
[assembly: InternalsVisibleTo("Microsoft.ML.StandardTrainers")]
[assembly: InternalsVisibleTo("Microsoft.ML.ImageAnalytics")]
