-module(gwport_json_tests).

-include_lib("eunit/include/eunit.hrl").

values_are_written_test_() ->
    [?_assertEqual(Json, iolist_to_binary(gwport_json:encode(Value))) || {Json, Value} <- [
        {<<"{}">>, #{}}, {<<"{}">>, {[]}}, {<<"[]">>, []}, {<<"\"\"">>, <<>>},
        {<<"{\"z\":1,\"a\":[true,false,null]}">>, {[{z, 1}, {a, [true, false, null]}]}},
        {<<"{\"a\":{\"b\":\"c\"}}">>, #{a => #{b => c}}},
        {<<"[-3,0.5,1.0]">>, [-3, 0.5, 1.0]},
        {<<"\"a\\\"\\\\\\u000a\\ufffd\"">>, <<"a\"\\\n", 255>>}]].
