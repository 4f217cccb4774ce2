%% Makes the documentation chunks (EEP 48) of the public modules, those whose comment has no @hidden: see docs.sh.
%% docs.escript FOLDER, the folder of the application.

main([App]) ->
    case code:ensure_loaded(edoc_doclet_chunks) of
        {module, _} -> make(filename:join(App, "doc"));
        {error, _} -> ok
    end.

%% The file by which docs.sh tells whether all are there is the last.
make(Doc) ->
    _ = [ok = file:delete(Old) || Old <- filelib:wildcard(filename:join(Doc, "chunks/*.chunk"))],
    {[First], Others} = lists:partition(fun(File) -> filename:basename(File) =:= "gwport.erl" end,
        [File || File <- filelib:wildcard("erlang/*.erl"), is_public(File)]),
    %% What is wrong edoc has said.
    try edoc:files(Others ++ [First],
        [{doclet, edoc_doclet_chunks}, {layout, edoc_layout_chunks}, {dir, Doc}])
    catch exit:_ -> halt(1)
    end.

is_public(File) ->
    {ok, Source} = file:read_file(File),
    re:run(Source, "^%% @hidden\n-module", [multiline]) =:= nomatch.
