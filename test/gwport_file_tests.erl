-module(gwport_file_tests).

-include_lib("eunit/include/eunit.hrl").

%% An eighth of a node's descriptors may be in use for files: at least 16 and at most 1,024.
share_of_descriptors_test() ->
    ?assertEqual([16, 16, 16, 17, 1023, 1024, 1024], [gwport_file:max_open(Descriptors)
        || Descriptors <- [0, 128, 135, 136, 8191, 8192, 1048576]]).

%% What a program may say of a file, on both sides of each bound.
numbers_test() ->
    Most = 16#7fffffffffffffff,
    Good = [{0, 0, 0, 0, 1}, {16#7fffffff, Most, Most, Most - 1, 1}, {0, 0, 0, 1, Most - 1}],
    Bad = [{-1, 0, 0, 0, 1}, {16#80000000, 0, 0, 0, 1}, {0, -1, 0, 0, 1}, {0, Most + 1, 0, 0, 1},
        {0, 0, -1, 0, 1}, {0, 0, Most + 1, 0, 1}, {0, 0, 0, -1, 1}, {0, 0, 0, 0, 0}, {0, 0, 0, Most, 1},
        {0, 0, 0, 1, Most}, {0, 0, 0, 0}, []],
    ?assertEqual([true || _ <- Good], [element(1, gwport_file:spec(Term)) =:= ok || Term <- Good]),
    ?assertEqual([error || _ <- Bad], [gwport_file:spec(Term) || Term <- Bad]).
